"""What a compute worker keeps in memory for many tasks."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_N_SHARED = 4  # values


class Missing(NamedTuple):
    """The worker lacks the shared value that a task needs."""


class SharedValue(NamedTuple):
    """What many tasks need.

    Attributes
    ----------
    key : str
        Hash of the value.
    content : bytes or None
        The value; None for a worker that should have it.
    """

    key: str
    content: bytes | None


class _Held(NamedTuple):
    """A shared value; one thread at a time uses it."""

    value: Any
    lock: Lock


_shared: OrderedDict[str, _Held] = OrderedDict()
_lock = Lock()


def call(function: Callable[[Any, Any], Any], shared: SharedValue, part: object) -> Any:  # noqa: ANN401
    """Call a function with a shared value and a part; `Missing` where there is no such value."""
    held = _held(shared)
    if held is None:
        return Missing()
    with held.lock:
        return function(held.value, part)


def _held(shared: SharedValue) -> _Held | None:
    with _lock:
        held = _shared.get(shared.key)
        if held is None and shared.content is not None:
            from distributed.protocol.serialize import deserialize_bytes  # noqa: PLC0415 - optional

            held = _shared[shared.key] = _Held(deserialize_bytes(shared.content), Lock())
        if held is not None:
            _shared.move_to_end(shared.key)
        while len(_shared) > _N_SHARED:
            _shared.popitem(last=False)
        return held
