"""Read lists of names and of labelled names.

In: CSV, JSON or JSON Lines. Out: records, one at a time.
"""
