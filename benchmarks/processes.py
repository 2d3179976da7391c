"""Run a side of a benchmark as a process of its own, from nothing, and ask what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.measurement import BLAS_TUNING
from support.executors import THREAD_LIMITS
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Done(NamedTuple):
    """A process that has ended: seconds from start to end, and the JSON that it printed."""

    seconds: float
    printed: Any


def run_cold(arguments: Sequence[str]) -> Done:
    """Run this interpreter in an empty folder, with an empty cache, and read what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"PYTHONPATH": str(PROJECT_ROOT), "RADTUNE_CACHE": f"{folder}/cache"}
        started = time.perf_counter()
        printed = _run(arguments, {**os.environ, **own}, folder)
        return Done(time.perf_counter() - started, printed)


def run_some_at_a_time(jobs: Sequence[Sequence[str]], n_at_a_time: int) -> Iterator[Any]:
    """Run this interpreter with each of the arguments; yield the JSON that each prints, in order.

    So many processes run at a time, each with one thread, in the present folder and with its
    cache; what the environment tunes of BLAS is left out.
    """
    environment = {name: value for name, value in os.environ.items() if name not in BLAS_TUNING}
    environment |= {"PYTHONPATH": str(PROJECT_ROOT), **dict.fromkeys(THREAD_LIMITS, "1")}
    with ThreadPoolExecutor(n_at_a_time) as pool:
        yield from pool.map(lambda arguments: _run(arguments, environment), jobs)


def _run(arguments: Sequence[str], environment: Mapping[str, str], folder: str = ".") -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(  # noqa: S603 - this interpreter, our own arguments
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout)
