"""Map a list of names, and write the answers.

In: a list and a `LookupEngine`. Out: a CSV or JSON Lines file.
"""
