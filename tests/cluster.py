"""A Dask scheduler and compute workers as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from support.compute.crew import DaskCrew

SETTINGS = {"DASK_CONFIG": str(ROOT / "docs" / "dask.yaml")}
COUNTED = {**SETTINGS, "DASK_DISTRIBUTED__WORKER__PRELOAD": "tests.support_tests.counting"}


class Cluster:
    """Processes that end with the test."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = SETTINGS) -> None:
        self.folder = folder
        self.log: list[str] = []
        self._environment = environment
        self._processes: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self.url = ""

    def start_scheduler(self, host: str = "tcp://127.0.0.1", port: int = 0) -> None:
        arguments = ["scheduler", "--host", host, "--port", str(port)]
        arguments += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        self.scheduler = self._start(arguments, self._environment, ROOT)
        assert self.scheduler.stderr
        for line in self.scheduler.stderr:
            self.log.append(line)
            if "Scheduler at:" in line:
                self.url = line.split()[-1]
                break
        assert self.url, self.log
        self._read(self.scheduler)

    def start_worker(
        self, environment: Mapping[str, str] | None = None, folder: Path = ROOT
    ) -> subprocess.Popen[str]:
        place = self.folder / f"worker-{len(self._processes)}"
        arguments = ["worker", self.url, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        worker = self._start(
            [*arguments, "--local-directory", str(place)],
            self._environment if environment is None else environment,
            folder,
        )
        self._read(worker)
        return worker

    def kill(self, crew: DaskCrew, address: str) -> None:
        """Kill the worker that a crew knows by an address."""
        pid = call_all(crew, os.getpid)[address]
        (worker,) = (process for process in self._processes if process.pid == pid)
        worker.kill()
        worker.wait()

    def kill_one(self) -> None:
        """Kill the worker that was started first."""
        worker = next(process for process in self._processes if process is not self.scheduler)
        worker.kill()
        worker.wait()

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for reader in self._readers:
            reader.join()

    def _start(
        self, arguments: list[str], environment: Mapping[str, str], folder: Path
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        def read() -> None:
            assert process.stderr
            with process.stderr:
                self.log.extend(process.stderr)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self._readers.append(reader)


@contextmanager
def running_cluster(
    folder: Path, n_workers: int = 0, environment: Mapping[str, str] = SETTINGS
) -> Iterator[Cluster]:
    cluster = Cluster(folder, environment)
    try:
        cluster.start_scheduler()
        for _ in range(n_workers):
            cluster.start_worker()
        yield cluster
    finally:
        cluster.stop()


def call_all(crew: DaskCrew, function: Callable[[], Any]) -> Mapping[str, Any]:
    """Call a function in every worker, beside its tasks; return what each answers."""
    workers = list(crew.workers)
    answers: Mapping[str, Any] = crew._client.run(function, workers=workers, on_error="ignore")
    return answers


def step_until(crew: DaskCrew, condition: Callable[[], bool]) -> None:
    """Let a crew take in news until something holds; the test's time limit ends it."""
    while not condition():
        crew.step()
