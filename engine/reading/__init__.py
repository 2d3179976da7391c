"""From the words of a name to slots.

In: a name as text, and a MODALITY_CODE. Out: `slots.ParsedName`, and `query.Query` with both.
"""
