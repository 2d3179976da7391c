"""The words that the engine knows, and how they are spelt.

In: the tables beside this file (``*.toml``). Out: `lexicon.Lexicon`, which finds the longest
phrase, and `anatomy`, which knows what covers what.
"""
