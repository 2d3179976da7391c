"""Numpy arrays on disk: written whole, mapped, and told from damaged ones.

In: arrays and a key. Out: the same arrays, or nothing where the file is damaged or another's.
"""
