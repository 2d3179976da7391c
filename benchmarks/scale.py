"""What a case costs among ten times as many: from a file of names to the first trial."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.many_names import write_names
from benchmarks.measurement import Measurement, at_most, in_turn
from benchmarks.open_records import open_records
from benchmarks.processes import run_cold
from objectives.configuration import load_configuration

if TYPE_CHECKING:
    from typing import Any

_FEW, _MANY = 3_000, 30_000
_TARGET = 1.2
_N_ROUNDS = 2


def measure() -> list[Measurement]:
    """Compare sizes that a quick benchmark has time for."""
    return [compare(_FEW, _MANY, _N_ROUNDS)]


def compare(n_few: int, n_many: int, n_rounds: int) -> Measurement:
    """Take both sizes from nothing to a first trial, each in processes of their own."""
    records = open_records(load_configuration())
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[int, list[dict[str, Any]]] = {n_few: [], n_many: []}
        for size in runs:
            write_names(Path(folder, f"{size}.json"), records, size)

        def each(size: int) -> float:
            found = run_cold(["-m", "benchmarks.scale_worker", f"{folder}/{size}.json"]).printed
            runs[size].append(found)
            seconds: float = found["seconds"] / found["n_cases"]
            return seconds

        few, many = in_turn([lambda: each(n_few), lambda: each(n_many)], n_rounds)
    peaks = [max(run["peak_mb"] for run in found) for found in runs.values()]
    return at_most(
        f"a case among {n_many:,} distinct names against one among {n_few:,}",
        many / few,
        _TARGET,
        "times its time",
        f"{1e6 * many:.0f} against {1e6 * few:.0f} microseconds a case (bank, winners, a trial); "
        f"peak anonymous memory {peaks[1]:,.0f} MB against {peaks[0]:,.0f} MB, workers included",
    )
