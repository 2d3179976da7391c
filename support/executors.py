"""Run a function over many parts: in this process, in others on this machine, or on Dask."""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from support.worker_process import begin_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

S = TypeVar("S")  # what all parts share
P = TypeVar("P")
R = TypeVar("R")

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def never() -> bool:
    """Ask no run to stop."""
    return False


class Executor(ABC):
    """Runs a function over parts, few of them at a time.

    What is found does not depend on the executor, nor on how many processes it has.
    """

    @abstractmethod
    def run(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        *,
        ordered: bool = False,
    ) -> Generator[R]:
        """Yield what the function returns for each part; closing the generator stops the rest.

        Parameters
        ----------
        function : callable
            Of a module, so that other processes find it.
        shared : object
            Goes to every process once; what the function remembers in it stays there.
        parts : iterable
            Taken as they are needed. ``str`` of a part names it to the user.
        ordered : bool
            Keep the order of the parts; otherwise whichever is done first comes first.
        """


class ThisProcess(Executor):
    """Runs one part after the other, here."""

    @override
    def run(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        *,
        ordered: bool = False,
    ) -> Generator[R]:
        for part in parts:
            yield function(shared, part)


class LocalProcesses(Executor):
    """Runs parts in processes on this machine, which end when the run does.

    A single part is run in this process.

    Parameters
    ----------
    max_workers : int
        Processes at most; never more than there are cores or parts.
    """

    def __init__(self, max_workers: int) -> None:
        self._n_most = max(1, min(max_workers, os.cpu_count() or 1))

    @override
    def run(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        *,
        ordered: bool = False,
    ) -> Generator[R]:
        waiting = iter(parts)
        head = list(itertools.islice(waiting, self._n_most))
        waiting = itertools.chain(head, waiting)
        if len(head) < 2:  # noqa: PLR2004 - a second process would have nothing to do
            yield from ThisProcess().run(function, shared, waiting)
            return
        # 0.2 s, and a lookup has no use for it
        from joblib.externals.loky import ProcessPoolExecutor  # noqa: PLC0415

        pool = ProcessPoolExecutor(
            max_workers=len(head),
            initializer=_receive,
            initargs=(shared,),
            env={name: os.environ.get(name, "1") for name in THREAD_LIMITS},
        )
        pending: deque[Future[R]] = deque()
        try:
            for part in waiting:
                pending.append(pool.submit(_call, function, part))
                if len(pending) == 2 * len(head):
                    yield _next(pending, ordered=ordered)
            while pending:
                yield _next(pending, ordered=ordered)
        finally:
            pool.shutdown(kill_workers=True)  # they would keep what is shared for minutes


def _next(pending: deque[Future[R]], *, ordered: bool) -> R:
    """Wait for a part, take it out, and return what was found."""
    if ordered:
        return pending.popleft().result()
    from concurrent.futures import FIRST_COMPLETED, wait  # noqa: PLC0415 - as above

    done = wait(pending, return_when=FIRST_COMPLETED).done
    first = next(future for future in pending if future in done)
    pending.remove(first)
    return first.result()


_received: list[Any] = []  # in another process: what all parts share


def _receive(shared: object) -> None:
    begin_worker()
    _received[:] = [shared]


def _call(function: Callable[[Any, P], R], part: P) -> R:
    (shared,) = _received
    return function(shared, part)
