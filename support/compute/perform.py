"""The one function that every Dask task calls; the scheduler imports nothing else of ours."""

from __future__ import annotations

from typing import Any


def perform(order: bytes) -> Any:  # noqa: ANN401 - whatever was ordered
    """Call the function that was ordered with its arguments.

    The scheduler opens every task that passes through: it is given bytes, which cost it nothing.
    """
    from distributed.protocol.serialize import deserialize_bytes  # noqa: PLC0415 - Dask is optional

    function, arguments = deserialize_bytes(order)
    return function(*arguments)
