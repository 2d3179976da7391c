"""The compute workers of one scheduler that compute as this process does, and tasks for them."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import wait
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from support.compute.environment import Environment, environment, refusal
from support.compute.perform import perform
from support.errors import ComputeError, RadTuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future as Outcome

    from distributed import Client, Future

_TICK_S = 0.5  # without news, the scheduler is asked for its workers
N_LOSSES = 3  # with workers that died, after which a task runs alone


class Done(NamedTuple):
    """A task has ended; what its function returned."""

    task: int
    value: Any


class Lost(NamedTuple):
    """A task went with its worker.

    Attributes
    ----------
    task : int
    is_suspect : bool
        Whether the task may have been why: the worker did not leave in good order.
    """

    task: int
    is_suspect: bool


class Changed(NamedTuple):
    """A worker came or went."""


Event = Done | Lost | Changed


class _Task(NamedTuple):
    shift: Shift
    address: str
    future: Future[Any]


class DaskCrew:
    """Gives tasks to compute workers and hears how they end.

    Every task is for one worker. Those that were there from the start and those that come later
    are compared with this process first; those that differ are named once and get nothing.

    Parameters
    ----------
    client : distributed.Client
    url : str
        How the user calls the scheduler.
    say : callable
        Given lines for the user.
    is_stopped : callable
        Asked whether to end, while there is no worker.
    """

    def __init__(
        self,
        client: Client,
        url: str,
        say: Callable[[str], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._client = client
        self._url = url
        self._say = say
        self._is_stopped = is_stopped
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()  # from the client's thread
        self._met: dict[str, object] = {}  # every worker, by address, with what stands for it
        self._asked: set[str] = set()  # those that have not answered who they are
        self._workers: dict[str, None] = {}  # in the order in which they came
        self._told: set[str] = set()
        self._is_waiting = False
        self._tasks: dict[int, _Task] = {}
        self._shifts: list[Shift] = []
        self._n_tasks = 0
        client.subscribe_topic("all", self._hear)
        self._look_around()
        while self._asked:
            self.step()

    @property
    def workers(self) -> tuple[str, ...]:
        """The addresses of those that get work, in the order in which they came."""
        return tuple(self._workers)

    def wait_for_worker(self) -> tuple[str, ...]:
        """Return the workers, at least one.

        Raises
        ------
        KeyboardInterrupt
            When there is none, and the run is stopped.
        """
        while not self._workers:
            self.step()
        return self.workers

    def step(self) -> None:
        """Wait a moment for news and take it in.

        Raises
        ------
        ComputeError
            When the scheduler is gone.
        KeyboardInterrupt
            When there is no worker, and the run is stopped.
        """
        try:
            take_in = self._inbox.get(timeout=_TICK_S)
        except Empty:
            self._look_around()
        else:
            take_in()
        self._wait_or_stop()

    @contextmanager
    def open_shift(self) -> Iterator[Shift]:
        """Give tasks within the block; those that have not ended at its end are forgotten."""
        shift = Shift(self)
        self._shifts.append(shift)
        try:
            yield shift
        finally:
            self._leave(shift)

    def begin(self, shift: Shift, address: str, order: bytes) -> int:
        """Give a worker a task; return its number."""
        self._n_tasks += 1
        number = self._n_tasks
        future = self._client.submit(perform, order, workers=[address], pure=False)
        self._tasks[number] = _Task(shift, address, future)
        outcome = self._in_client(self._client.gather(future, asynchronous=True))
        outcome.add_done_callback(lambda done: self._inbox.put(partial(self._end, number, done)))
        return number

    def _leave(self, shift: Shift) -> None:
        self._shifts.remove(shift)
        left = [number for number, task in self._tasks.items() if task.shift is shift]
        if left and self._is_connected():
            futures = [self._tasks[number].future for number in left]
            self._in_client(self._client.cancel(futures, asynchronous=True))
        for number in left:
            self._forget(number)

    def _in_client(self, coroutine: Any) -> Outcome[Any]:  # noqa: ANN401 - Dask's own are untyped
        loop: Any = self._client.loop
        return asyncio.run_coroutine_threadsafe(coroutine, loop.asyncio_loop)

    def _is_connected(self) -> bool:
        return bool(self._client.status == "running")

    def _wait_or_stop(self) -> None:
        if self._workers:
            self._is_waiting = False
        if self._workers or self._asked:
            return
        if not self._is_waiting:
            self._say(f"no compute worker at {self._url} that can be used; waiting for one")
            self._is_waiting = True
        if self._is_stopped():
            raise KeyboardInterrupt

    def _look_around(self) -> None:
        """Ask the scheduler who is there: news may be lost, and a paused worker sends none."""
        self._check_connection()
        scheduler: Any = self._client.scheduler
        known = self._in_client(scheduler.identity(n_workers=-1))
        while not wait([known], _TICK_S).done:
            self._check_connection()  # the answer itself may take long to be given up
        if known.exception():
            return  # which is known soon, if the connection is lost
        workers = known.result()["workers"]
        there = {address for address, about in workers.items() if about["status"] == "running"}
        for address in self._met.keys() - there:
            self._part(address, is_suspect=False)
        for address in there - self._met.keys():
            self._meet(address)

    def _check_connection(self) -> None:
        if not self._is_connected():
            raise ComputeError(
                f"{self._url}: the connection to the scheduler is lost; what is finished is "
                "kept: run the same again (map: with --resume)"
            )

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take in an event, in the client's thread."""
        _, news = event
        if news.get("action") == "add-worker":
            self._inbox.put(partial(self._meet, news["worker"]))
        elif news.get("action") == "remove-worker":
            is_suspect = not news.get("expected", False)
            self._inbox.put(partial(self._part, news["worker"], is_suspect=is_suspect))

    def _meet(self, address: str) -> None:
        """Ask a worker what it computes with."""
        if address in self._met:
            return
        token = self._met[address] = object()
        self._asked.add(address)
        answer = self._in_client(
            self._client.run(environment, workers=[address], on_error="return", asynchronous=True)
        )
        answer.add_done_callback(
            lambda done: self._inbox.put(partial(self._compare, address, token, done))
        )

    def _compare(self, address: str, token: object, done: Outcome[Mapping[str, Any]]) -> None:
        if self._met.get(address) is not token:
            return  # it has gone meanwhile
        self._asked.discard(address)
        failure = done.exception()
        there = None if failure else done.result().get(address)
        if isinstance(there, Environment):
            why = refusal(there)
        elif isinstance(there, Exception) and not isinstance(there, OSError):
            why = f"RadTune cannot be loaded there ({there})"
        else:
            del self._met[address]  # no answer: asked again when it is seen again
            return
        if why:
            self._tell(f"compute worker {address} gets no work: {why}")
            return
        self._workers[address] = None
        self._announce()

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._say(line)

    def _part(self, address: str, *, is_suspect: bool) -> None:
        self._met.pop(address, None)
        self._asked.discard(address)
        if address not in self._workers:
            return
        del self._workers[address]
        for number in [n for n, task in self._tasks.items() if task.address == address]:
            self._lose(number, is_suspect=is_suspect)
        self._announce()

    def _announce(self) -> None:
        for shift in self._shifts:
            shift.events.append(Changed())

    def _lose(self, number: int, *, is_suspect: bool) -> None:
        self._tasks[number].shift.events.append(Lost(number, is_suspect))
        self._forget(number)

    def _forget(self, number: int) -> None:
        self._tasks.pop(number).future.release()

    def _end(self, number: int, done: Outcome[Any]) -> None:
        task = self._tasks.get(number)
        if task is None:
            return  # lost or left behind meanwhile
        failure = done.exception()
        if failure is None:
            task.shift.events.append(Done(number, done.result()))
            self._forget(number)
            return
        from distributed import KilledWorker  # noqa: PLC0415 - optional

        if isinstance(failure, KilledWorker):
            self._lose(number, is_suspect=True)
        elif task.future.status == "error":
            self._forget(number)
            if isinstance(failure, RadTuneError):
                raise ComputeError(f"compute worker {task.address}: {failure}")
            raise failure
        else:  # the scheduler has let go of it, or is gone
            self._look_around()
            self._lose(number, is_suspect=False)


class Shift:
    """Tasks that belong together, and what is heard of them.

    Parameters
    ----------
    crew : DaskCrew

    Attributes
    ----------
    events : deque of Event
    """

    def __init__(self, crew: DaskCrew) -> None:
        self._crew = crew
        self.events: deque[Event] = deque()

    def send(self, address: str, function: Callable[..., Any], *arguments: object) -> int:
        """Give a worker a task; return its number."""
        from distributed.protocol.serialize import serialize_bytes  # noqa: PLC0415 - optional

        return self._crew.begin(self, address, serialize_bytes((function, arguments)))

    def next_event(self) -> Event:
        """Wait until a task of this shift ends or is lost, or a worker comes or goes.

        Raises
        ------
        ComputeError
            When the scheduler is gone.
        KeyboardInterrupt
            When there is no worker, and the run is stopped.
        """
        while not self.events:
            self._crew.step()
        return self.events.popleft()
