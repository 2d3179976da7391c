"""Run a side of a benchmark as a process of its own, from nothing, and ask what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from objectives.configuration import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence


class Done(NamedTuple):
    """A process that has ended: seconds from start to end, and the JSON that it printed."""

    seconds: float
    printed: Any


def run_cold(arguments: Sequence[str]) -> Done:
    """Run this interpreter in an empty folder, with an empty cache, and read what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT_ROOT),
            "RADTUNE_CACHE": os.path.join(folder, "cache"),  # noqa: PTH118 - a str, as the environment wants
        }
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - this interpreter, our own arguments
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{arguments} failed: {done.stderr[-2000:]}")
    return Done(seconds, json.loads(done.stdout))
