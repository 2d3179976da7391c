"""Labelled names: the cases that weights are judged by.

In: files of cases. Out: `cases.Case`, how often rows are used, what is dangerous.
"""
