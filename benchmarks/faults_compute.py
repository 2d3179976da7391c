"""Kill compute workers and their scheduler while a bank, trials, `train` and `map` need them."""

from __future__ import annotations

import csv
import random
import socket
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

from distributed import Client

from benchmarks.faults_ground import (
    EXIT_ALONE,
    GATE_CODES,
    Crew,
    FaultError,
    Ground,
    Process,
    Witness,
)
from benchmarks.open_records import open_records
from benchmarks.train_faults import STORAGE, Session
from objectives.configuration import load_configuration

if TYPE_CHECKING:
    from collections.abc import Callable

_SEED = 17
_N_WORKERS = 3
_N_TRIALS = 150
_N_NAMES = 8_000
_PAUSE_S = (0.2, 2.0)  # between kills
_LOOK_AGAIN_S = 0.005


class Cluster(ExitStack):
    """A scheduler and its compute workers, all ended with the ``with`` statement.

    Parameters
    ----------
    ground : Ground
    """

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self._ground = ground
        self._crew = self.enter_context(Crew())
        self._rng = random.Random(_SEED)  # noqa: S311 - no cryptography
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        self.url = f"tcp://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start the scheduler, (again) at the same place, and the workers that are missing."""
        place = ("--host", "tcp://127.0.0.1", "--port", self._port)
        pages = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        self._scheduler = self._crew.add(self._ground.dask("scheduler", *place, *pages))
        client: Any = Client(self.url, timeout=60, set_as_default=False)
        self._client = self.enter_context(closing(client))
        self._fill()

    def _fill(self) -> None:
        one = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
        folder = ("--local-directory", str(self._ground.folder / "dask"))
        for _ in range(_N_WORKERS - len(self._crew.running("worker"))):
            self._crew.add(self._ground.dask("worker", self.url, *one, *folder))

    def busy(self) -> list[Process]:
        """Return the workers that have tasks in hand."""
        about = self._client.scheduler_info()["workers"]
        tasks = self._client.processing()
        names = {about[address]["name"] for address in about if tasks.get(address)}
        return [worker for worker in self._crew.running("worker") if worker.name in names]

    def kill_workers(self, n_kills: int, is_over: Callable[[], bool]) -> int:
        """Kill workers with tasks in hand, at random moments; start others; return how many."""
        n_killed = 0
        while n_killed < n_kills and not is_over():
            time.sleep(self._rng.uniform(*_PAUSE_S))
            while not (busy := self.busy()) and not is_over():
                time.sleep(_LOOK_AGAIN_S)
            if not is_over():
                n_killed += self._rng.choice(busy).kill()
                self._fill()
        return n_killed

    def kill_scheduler(self, is_over: Callable[[], bool]) -> None:
        """Kill the scheduler when workers have tasks in hand; they end with it."""
        while not self.busy():
            if is_over():
                raise FaultError("the workers had nothing to do")
            time.sleep(_LOOK_AGAIN_S)
        self._client.close()
        self._scheduler.kill()
        for worker in self._crew.running("worker"):
            worker.kill()


class _Work(NamedTuple):
    """Something that compute workers are needed for.

    Attributes
    ----------
    start : callable
        Starts the command, which is always the same.
    has_begun, is_over : callable
        Whether workers are needed, and whether they were.
    check : callable
        Refuses an outcome that is not that of an undisturbed run.
    """

    start: Callable[[], Process]
    has_begun: Callable[[], bool]
    is_over: Callable[[], bool]
    check: Callable[[Process], None]


class ComputeFaults:
    """Kills compute workers, or their scheduler.

    Parameters
    ----------
    ground : Ground
    cluster : Cluster

    Attributes
    ----------
    kinds : dict
        Name of what the workers are needed for, to what prepares it.
    """

    def __init__(self, ground: Ground, cluster: Cluster) -> None:
        self._ground, self._cluster = ground, cluster
        self._scheduler = ("--scheduler", cluster.url)
        self._n_runs = 0
        self._opened = cluster.enter_context(ExitStack())
        self.kinds: dict[str, Callable[[], _Work]] = {
            "a bank": self._bank,
            "trials": self._trials,
            "`train`": self._train,
            "`map`": self._map,
        }
        alone = Session(ground, STORAGE)
        self._trained = alone.outcome(alone.run())
        self._names = ground.folder / "names.csv"
        records = open_records(load_configuration())[:_N_NAMES]
        with self._names.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["row", "exam_name", "modality"])
            rows.writerows([n, r["EXAM_NAME"], r["MODALITY_CODE"]] for n, r in enumerate(records))
        self._map_to("alone.csv").wait_for_end(0)

    def kill_workers(self, kind: str, n_kills: int) -> dict[str, object]:
        """Kill workers until there were enough kills; return a row of a table."""
        started, n_killed, n_runs = time.monotonic(), 0, 0
        while n_killed < n_kills:
            work = self.kinds[kind]()
            with Crew() as crew:
                process = crew.add(work.start())

                def is_over(process: Process = process, work: _Work = work) -> bool:
                    return process.code is not None or work.is_over()

                while not work.has_begun() and not is_over():
                    time.sleep(_LOOK_AGAIN_S)
                n_killed += self._cluster.kill_workers(n_kills - n_killed, is_over)
                process.wait_for_end(*GATE_CODES)
                work.check(process)
            n_runs += 1
        seconds = round(time.monotonic() - started)
        return {"while": kind, "kills": n_killed, "runs": n_runs, "seconds": seconds}

    def kill_scheduler(self, kind: str) -> None:
        """Kill the scheduler; the command ends with a line, and goes on with another one."""
        work = self.kinds[kind]()
        with Crew() as crew:
            process = crew.add(work.start())
            while not work.has_begun() and process.code is None:
                time.sleep(_LOOK_AGAIN_S)
            self._cluster.kill_scheduler(lambda: process.code is not None)
            process.wait_for_end(EXIT_ALONE)
            self._cluster.start()
            again = crew.add(work.start())
            again.wait_for_end(*GATE_CODES)
            work.check(again)

    def _study(self, strategy: str, n_trials: int, *, has_bank: bool) -> _Work:
        self._n_runs += 1
        name = f"study-{self._n_runs}"
        url = self._ground.sqlite(name)
        cache = None if has_bank else self._ground.cache_without_banks()
        witness = self._opened.enter_context(Witness(url, name))

        def start() -> Process:
            return self._ground.optimize(
                url, name, n_trials, *self._scheduler, strategy=strategy, cache=cache
            )

        def check(_process: Process) -> None:
            witness.check(self._ground.expected(strategy, n_trials))

        if has_bank:
            return _Work(start, lambda: witness.count() > 0, witness.is_finished, check)
        return _Work(start, lambda: bool(self._cluster.busy()), lambda: witness.count() > 0, check)

    def _bank(self) -> _Work:
        return self._study("tpe", 5, has_bank=False)

    def _trials(self) -> _Work:
        strategy = ("tpe", "auto")[self._n_runs % 2]
        return self._study(strategy, _N_TRIALS, has_bank=True)

    def _train(self) -> _Work:
        session = Session(self._ground, STORAGE, *self._scheduler)

        def check(process: Process) -> None:
            if session.outcome(session.metrics(process)) != self._trained:
                raise FaultError("a session has ended otherwise than one without compute workers")

        return _Work(session.start, lambda: bool(self._cluster.busy()), lambda: False, check)

    def _map(self) -> _Work:
        self._n_runs += 1
        name = f"names-{self._n_runs}.csv"

        def check(_process: Process) -> None:
            folder = self._ground.folder
            if (folder / name).read_bytes() != (folder / "alone.csv").read_bytes():
                raise FaultError("a mapped file is not that of a run without compute workers")

        return _Work(
            lambda: self._map_to(name, *self._scheduler),
            lambda: bool(self._cluster.busy()),
            lambda: False,
            check,
        )

    def _map_to(self, output: str, *options: str) -> Process:
        is_begun = (self._ground.folder / f"{output}.partial").exists()
        given = ("--input", str(self._names), "--output", output, *options)
        return self._ground.start("map", *given, *(["--resume"] if is_begun else []))
