"""Compute workers on Dask: who they are, what they compute, what they keep.

In comes a scheduler's URL or a number of local processes, out come an `Executor` and shards that
stay where they are. Nothing here is imported before it is asked for: RadTune works without Dask.
"""
