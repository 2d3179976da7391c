"""``make bench-large``: what a case costs among a hundred times as many, alone and on workers.

Every verb runs in a process of its own, and is printed and kept (``.local/bench-large``) as soon
as it is measured: started again, the command goes on with those that are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.large_report import ALONE, AT_ONCE, ONCE, WORKERS, Row, report
from benchmarks.large_verbs import DONE, N_WORKERS, Found
from benchmarks.many_names import write_cases
from benchmarks.measurement import BLAS_TUNING
from benchmarks.page import write_section
from studies.definition.provenance import code_version
from support.executors import THREAD_LIMITS
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PAGE = PROJECT_ROOT / "docs" / "figures" / "scaling.md"
_SIZES = (15_000, 150_000)
_N_CEILING = 30_000  # cases of the work that two processes do at the same time
_PAUSE_S = 0.2
_PATIENCE_S = 60.0
_FOLDER = Path(".local", "bench-large").absolute()


class _Bench:
    """Runs verbs in processes of their own, and keeps what is found.

    Attributes
    ----------
    rows : list of Row
    """

    def __init__(self) -> None:
        self._kept = _FOLDER / "rows.json"
        version, rows = code_version(), []
        if self._kept.exists():
            version, rows = json.loads(self._kept.read_text(encoding="utf-8"))
        if version != code_version():  # what other code took
            shutil.rmtree(_FOLDER)
            rows = []
        self.rows = [Row(*row) for row in rows]
        _FOLDER.mkdir(parents=True, exist_ok=True)
        self._environment = {
            **{k: v for k, v in os.environ.items() if k not in BLAS_TUNING},
            **dict.fromkeys(THREAD_LIMITS, "1"),
            "PYTHONPATH": str(PROJECT_ROOT),
            "DASK_CONFIG": str(PROJECT_ROOT / "docs" / "dask.yaml"),
        }

    def measure(self, n_cases: int) -> None:
        """Measure every verb at a size, alone and on compute workers."""
        for verb in DONE:
            self._measure(verb, ALONE, n_cases, partial(self._run, verb, n_cases, ["alone"]))
        for verb in ("bank", "trial", "map"):
            self._measure(verb, WORKERS, n_cases, partial(self._on_workers, verb, n_cases))
        shutil.rmtree(_FOLDER / str(n_cases), ignore_errors=True)

    def measure_ceiling(self) -> None:
        """Measure what two processes get done that have nothing to do with each other."""
        for verb in ("bank", "map"):
            for side, caches in ((ONCE, ["0"]), (AT_ONCE, ["0", "1"])):
                run = partial(self._run, verb, _N_CEILING, caches)
                self._measure(verb, side, _N_CEILING, run)
        shutil.rmtree(_FOLDER / str(_N_CEILING), ignore_errors=True)

    def _folder(self, n_cases: int) -> Path:
        folder = _FOLDER / str(n_cases)
        if not (folder / "cases.jsonl").exists():
            folder.mkdir(exist_ok=True)
            write_cases(folder / "unfinished.jsonl", n_cases)
            (folder / "unfinished.jsonl").rename(folder / "cases.jsonl")
        return folder

    def _measure(
        self, verb: str, side: str, n_cases: int, run: Callable[[], tuple[Found, float]]
    ) -> None:
        there = {(row.what, row.side, row.n_cases) for row in self.rows}
        if there >= {(what, side, n_cases) for what in DONE[verb]}:
            return
        found, peak_mb = run()
        for what, seconds in found.seconds.items():
            row = Row(what, side, n_cases, seconds, peak_mb, found.outcome, found.new)
            for other in self.rows:
                if other[::2][:2] == row[::2][:2] and other.outcome != row.outcome:
                    raise RuntimeError(f"{row} came to something else than {other}")
            print(f"{n_cases:,} cases, {what}, {side}: {seconds:.3f} s, {peak_mb:.0f} MB")
            sys.stdout.flush()
            self.rows.append(row)
        text = json.dumps([code_version(), self.rows])
        self._kept.write_text(text, encoding="utf-8")

    def _run(
        self,
        verb: str,
        n_cases: int,
        caches: Sequence[str],
        scheduler: Sequence[str] = (),
        beside: Iterable[int] = (),
    ) -> tuple[Found, float]:
        """Run a verb once with each cache, at the same time; return what the slowest took.

        Beside it the anonymous memory, in MB, of the largest of these processes, of those named
        and of all that they started.
        """
        folder = self._folder(n_cases)
        command = [sys.executable, "-m", "benchmarks.large_verbs", verb, "cases.jsonl", *scheduler]
        with ExitStack() as stack:
            processes = []
            for name in caches:
                cache = folder / name
                if verb == "bank":
                    for known in cache.glob("bank-*"):
                        shutil.rmtree(known)
                output = stack.enter_context((folder / f"{name}.json").open("w+"))
                popen = subprocess.Popen(  # noqa: S603 - this interpreter, our own arguments
                    command,
                    cwd=folder,
                    env={**self._environment, "RADTUNE_CACHE": str(cache)},
                    stdout=output,
                )
                processes.append((stack.enter_context(popen), output))
            peak_kb = 0
            while any(process.poll() is None for process, _ in processes):
                family = _families([*(process.pid for process, _ in processes), *beside])
                peak_kb = max(peak_kb, *map(_anonymous_kb, family))
                time.sleep(_PAUSE_S)
            found = []
            for process, output in processes:
                if process.returncode:
                    raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
                output.seek(0)
                found.append(Found(*json.load(output)))
        return max(found, key=lambda one: sum(one.seconds.values())), peak_kb / 1024

    def _on_workers(self, verb: str, n_cases: int) -> tuple[Found, float]:
        """Run a verb on a scheduler and two workers, each a process with one thread."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        url = f"tcp://127.0.0.1:{port}"
        dask = [sys.executable, "-m", "dask"]
        pages = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        one = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", "dask"]
        commands = [[*dask, "scheduler", "--host", "tcp://127.0.0.1", "--port", port, *pages]]
        commands += [[*dask, "worker", url, *one]] * N_WORKERS
        cache = "alone" if verb == "trial" else "workers"
        with ExitStack() as stack:
            started = []
            for command in commands:
                popen = subprocess.Popen(  # noqa: S603 - this interpreter, our own arguments
                    command,
                    cwd=self._folder(n_cases),
                    env=self._environment,
                    stderr=subprocess.DEVNULL,
                )
                stack.callback(popen.wait)
                stack.callback(popen.kill)
                started.append(popen.pid)
                if len(started) == 1:
                    _wait_for_port(int(port))
            return self._run(verb, n_cases, [cache], [url], started)


def _wait_for_port(port: int) -> None:
    ends_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _families(roots: Iterable[int]) -> list[int]:
    """Return processes and all that they have started."""
    found = list(roots)
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found += map(int, children.read_text(encoding="utf-8").split())
            except OSError:  # it has just ended
                continue
    return found


def _anonymous_kb(process: int) -> int:
    """Return the anonymous memory of a process; mapped files do not count. Source: proc(5)."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return 0
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) for line in lines if line[:1] == ["RssAnon:"]), 0)


def main() -> None:
    """Measure the sizes asked for; write the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_cases", nargs="*", type=int, default=_SIZES)
    sizes = sorted(parser.parse_args().n_cases)
    bench = _Bench()
    bench.measure_ceiling()
    for n_cases in sizes:
        bench.measure(n_cases)
    text = report([row for row in bench.rows if row.n_cases in {_N_CEILING, *sizes}], sizes)
    print(text)
    write_section("bench-large", text, PAGE)
    shutil.rmtree(_FOLDER)


if __name__ == "__main__":
    main()
