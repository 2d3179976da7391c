"""What `--workers 2` costs at the shipped size, where one process scores the cases alone."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measurement import Measurement, at_least, in_turn, seconds
from support.installation import PROJECT_ROOT

_PROGRAM = (sys.executable, str(PROJECT_ROOT / "scripts" / "run_training.py"))
_STUDY = ("optimize", "--strategy", "tpe", "--max-experiments", "300")
_GATE_CODES = (0, 3, 4)
_N_ROUNDS = 5
_TARGET = 0.95


def measure() -> list[Measurement]:
    """Run whole commands in turn, with one cache and a database each."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count()

        def run(n_workers: int) -> float:
            own = ("--storage", f"sqlite:///{next(numbers)}.db", "--workers", str(n_workers))
            return seconds(lambda: _run(Path(folder), own))

        run(1)  # computes the bank
        one, two = in_turn([lambda: run(1), lambda: run(2)], _N_ROUNDS)
    return [
        at_least(
            "`optimize --workers 2` at the shipped size against one process",
            one / two,
            _TARGET,
            "times its rate",
            f"{two:.1f} s against {one:.1f} s, whole commands of 300 TPE trials, gate included",
        )
    ]


def _run(folder: Path, options: tuple[str, ...]) -> None:
    done = subprocess.run(  # noqa: S603 - this program
        [*_PROGRAM, *_STUDY, *options],
        cwd=folder,
        env={**os.environ, "RADTUNE_CACHE": str(folder / "cache")},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode not in _GATE_CODES:
        raise RuntimeError(f"optimize ended with {done.returncode}: {done.stderr[-2000:]}")
