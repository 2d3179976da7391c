"""Run functions over parts on the compute workers of a Dask scheduler.

In: a function, a shared value, parts. Out: the values, whoever computed them or died meanwhile.
"""
