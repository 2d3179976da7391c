"""What a local compute worker does first: Dask calls `dask_setup` in it."""

from __future__ import annotations

from support.compute.silence import silence_dask
from support.worker_process import begin_worker


def dask_setup(_worker: object) -> None:
    """Be deaf to Ctrl-C, end with the process that started this one, print nothing."""
    silence_dask()
    begin_worker()
