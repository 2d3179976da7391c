"""Run a function over parts on the compute workers of a Dask scheduler."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from typing_extensions import override

from support.compute.crew import N_LOSSES, Done, Lost
from support.compute.shared_values import Missing, SharedValue, call
from support.errors import ComputeError
from support.executors import Executor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from support.compute.crew import DaskCrew, Shift

S = TypeVar("S")
P = TypeVar("P")
R = TypeVar("R")

_DEPTH = 2  # tasks of a worker: one that runs, one that waits
_N_AHEAD = 4  # parts for each worker that are done before their turn, or under way


class DaskExecutor(Executor):
    """Runs parts on compute workers; what a lost worker had is given to others.

    Parameters
    ----------
    crew : DaskCrew
    """

    def __init__(self, crew: DaskCrew) -> None:
        self._crew = crew

    @override
    def run(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        *,
        ordered: bool = False,
    ) -> Generator[R]:
        found: dict[int, R] = {}
        turn = 0
        with self._crew.open_shift() as shift:
            run = _Run(self._crew, shift, Shipment(shared), function, enumerate(parts))
            while run.fill(len(found)) or found:
                if found and (turn in found or not ordered):
                    number = turn if ordered else next(iter(found))
                    yield found.pop(number)
                    turn += 1
                else:
                    found.update(run.wait())


class Shipment:
    """A value on its way to the workers, each of which gets it once.

    Parameters
    ----------
    value : object
    """

    def __init__(self, value: object) -> None:
        from distributed.protocol.serialize import serialize_bytes  # noqa: PLC0415 - optional

        self._content = serialize_bytes(value)
        self._key = hashlib.sha256(self._content).hexdigest()
        self._has_it: set[str] = set()

    def for_worker(self, address: str) -> SharedValue:
        """Return what a worker needs to have the value."""
        content = None if address in self._has_it else self._content
        self._has_it.add(address)
        return SharedValue(self._key, content)

    def is_missing(self, address: str) -> None:
        """Take note that a worker lacks the value."""
        self._has_it.discard(address)


class _Part(NamedTuple):
    number: int
    part: Any
    n_losses: int = 0


class _Run:
    """The parts of a run that are under way."""

    def __init__(
        self,
        crew: DaskCrew,
        shift: Shift,
        shipment: Shipment,
        function: Callable[[Any, Any], Any],
        waiting: Iterator[tuple[int, Any]],
    ) -> None:
        self._crew = crew
        self._shift = shift
        self._shipment = shipment
        self._function = function
        self._waiting = waiting
        self._again: deque[_Part] = deque()
        self._suspects: deque[_Part] = deque()
        self._sent: dict[int, tuple[str, _Part]] = {}
        self._alone: int | None = None

    def fill(self, n_found: int) -> bool:
        """Give the workers what they can take; tell whether anything is under way."""
        if self._alone is None and self._suspects:
            if not self._sent:
                (address, *_) = self._crew.wait_for_worker()
                self._alone = self._send(address, self._suspects.popleft())
        elif self._alone is None:
            self._fill_all(n_found)
        return bool(self._sent)

    def _fill_all(self, n_found: int) -> None:
        load = Counter(address for address, _ in self._sent.values())
        workers = self._crew.workers
        n_most = _N_AHEAD * len(workers) - n_found  # those that come again are among the oldest
        for depth in range(_DEPTH):
            for address in workers:
                if load[address] > depth or (not self._again and len(self._sent) >= n_most):
                    continue
                part = self._next_part()
                if part is None:
                    return
                self._send(address, part)
        if not workers and not self._sent and not n_found:
            self._wait_with_a_part()

    def _wait_with_a_part(self) -> None:
        """Wait for a worker, but only when there is something left to do."""
        part = self._next_part()
        if part is not None:
            self._again.appendleft(part)
            self._crew.wait_for_worker()
            self._fill_all(0)

    def _next_part(self) -> _Part | None:
        if self._again:
            return self._again.popleft()
        following = next(self._waiting, None)
        return None if following is None else _Part(*following)

    def _send(self, address: str, part: _Part) -> int:
        task = self._shift.send(
            address, call, self._function, self._shipment.for_worker(address), part.part
        )
        self._sent[task] = address, part
        return task

    def wait(self) -> dict[int, Any]:
        """Return what was found for the next part, under its number; nothing if it was lost."""
        event = self._shift.next_event()
        if not isinstance(event, Done | Lost):
            return {}
        address, part = self._sent.pop(event.task)
        was_alone = event.task == self._alone
        if was_alone:
            self._alone = None
        if isinstance(event, Lost):
            self._shipment.is_missing(address)
            part = part._replace(n_losses=part.n_losses + event.is_suspect)
            if event.is_suspect and was_alone:
                raise_for_killer(str(part.part))
            (self._suspects if part.n_losses >= N_LOSSES else self._again).append(part)
        elif isinstance(event.value, Missing):
            self._shipment.is_missing(address)
            self._again.append(part)
        else:
            return {part.number: event.value}
        return {}


def raise_for_killer(what: str) -> None:
    """Name what has ended every worker that computed it, at last one that did nothing else.

    Raises
    ------
    ComputeError
    """
    raise ComputeError(
        f"{what}: {N_LOSSES + 1} compute workers have died over this, the last with nothing else "
        "to do (too little memory?); see the log of a worker"
    )
