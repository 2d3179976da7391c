"""How soon a lookup answers: a whole process, cold and warm, and one name among 5,000 rows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.measurement import Measurement, at_most
from engine.catalogue.index import CatalogueIndex
from engine.catalogue.rows import CatalogueRow
from engine.lookup import LookupEngine
from exchange.catalogues.nhs_json import load_catalogue
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration, resolve
from objectives.workspace import Workspace
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from objectives.configuration import Configuration

N_ROWS = 5_000
N_NAMES = 2_000
_N_WARM_UP = 50  # names that load the vocabulary
_N_RUNS = 5
_TARGET_WARM_S = 1.0
_TARGET_P50_MS = 2.0

_LOOKUP = (str(PROJECT_ROOT / "scripts" / "run_training.py"), "lookup", "XR KNEE LT WB")
_BASELINE = ("-c", "import numpy")
_SUFFIXES = ("supine", "theatre", "portable", "follow up", "protocol B")


class _Run(NamedTuple):
    """What one process took, in seconds; on a busy machine the wall says less than the CPU."""

    wall_s: float
    cpu_s: float


def measure() -> list[Measurement]:
    """Measure start-up and lookup, each once over."""
    return [*measure_processes(), *measure_lookups(load_configuration())]


def measure_processes() -> list[Measurement]:
    """Time the command as a process of its own, in turn with a process that imports numpy."""
    cold, warm, baseline = [], [], []
    for _ in range(_N_RUNS):
        with tempfile.TemporaryDirectory() as cache:
            baseline.append(_run(_BASELINE, cache))
            cold.append(_run(_LOOKUP, cache))
            warm.append(_run(_LOOKUP, cache))
    return [
        _process_row("radtune lookup, cold cache", cold, None, baseline),
        _process_row("radtune lookup, warm cache", warm, _TARGET_WARM_S, baseline),
    ]


def measure_lookups(config: Configuration) -> list[Measurement]:
    """Time one name at a time, each new to the engine, on a catalogue of `N_ROWS` rows."""
    shipped = load_catalogue(resolve(config.data.catalogue))
    rows = repeated(shipped, N_ROWS)
    engine = LookupEngine(
        CatalogueIndex(rows, config.retrieval), config.judgement, config.retriever_top_k
    )
    cases = Workspace(config).load_cases(dataset_files(config.data.training_dir)).cases
    questions = list(dict.fromkeys((case.exam_name, case.modality_code) for case in cases))
    step = max(1, len(questions) // (N_NAMES + _N_WARM_UP))
    chosen = questions[::step]
    engine.lookup_many(chosen[:_N_WARM_UP])
    times_ms = []
    for question in chosen[_N_WARM_UP:]:
        started = time.perf_counter()
        engine.lookup(*question)
        times_ms.append(1000 * (time.perf_counter() - started))
    p50, p99 = np.quantile(times_ms, [0.5, 0.99])
    detail = f"{len(times_ms):,} names, {N_ROWS:,} rows, parsing included"
    return [
        _row("one lookup, p50", float(p50), _TARGET_P50_MS, "ms", detail),
        _row("one lookup, p99", float(p99), None, "ms", detail),
    ]


def repeated(rows: Sequence[CatalogueRow], n_rows: int) -> list[CatalogueRow]:
    """Repeat rows under changed names and codes until there are `n_rows`."""
    grown = list(rows[:n_rows])
    while len(grown) < n_rows:
        number = len(grown)
        row = rows[number % len(rows)]
        name = f"{row.preferred_name} {_SUFFIXES[number % len(_SUFFIXES)]} {number // len(rows)}"
        grown.append(row._replace(concept_id=f"COPY-{number:06d}", preferred_name=name))
    return grown


def _run(arguments: Sequence[str], cache: str) -> _Run:
    """Run this interpreter once; no other process may be waited for meanwhile."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(  # noqa: S603 - this interpreter, our own arguments
        [sys.executable, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "RADTUNE_CACHE": cache},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    wall_s, after = time.perf_counter() - started, os.times()
    cpu_s = sum(after[2:4]) - sum(before[2:4])  # user and system time of children
    return _Run(wall_s, cpu_s)


def _process_row(
    name: str, runs: Sequence[_Run], target: float | None, baseline: Sequence[_Run]
) -> Measurement:
    wall_s, unit_s = (median(run.wall_s for run in some) for some in (runs, baseline))
    cpu_s, unit_cpu_s = (median(run.cpu_s for run in some) for some in (runs, baseline))
    detail = (
        f"median of {len(runs)} processes, CPU {cpu_s:.2f} s; {wall_s / unit_s:.1f} times "
        f"`python -c 'import numpy'` ({unit_s:.2f} s, CPU {unit_cpu_s:.2f} s, in the same run)"
    )
    return _row(name, wall_s, target, "s", detail)


def _row(name: str, measured: float, target: float | None, unit: str, detail: str) -> Measurement:
    if target is None:
        return Measurement(name, measured, None, None, unit, detail)
    return at_most(name, measured, target, unit, detail)
