"""A verb of ``make bench-large`` in a process of its own.

usage: python -m benchmarks.large_verbs VERB CASES.jsonl [SCHEDULER]

What is printed is JSON: a `Found`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import engine.ranking.candidates
from benchmarks.measurement import seconds
from exchange.maps.mapping import map_file
from objectives.configuration import load_configuration
from objectives.lines.line import coordinate_directions, line_through
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from objectives.shards.case_counts import LocalCounts
from objectives.shards.resident_shards import spread_over
from objectives.training.framework import ScalableTrainingFramework
from objectives.workspace import Workspace
from studies.definition.options import make_pruner
from support.compute.connection import crew_of_scheduler
from support.compute.executor import DaskExecutor
from support.executors import ThisProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.compute.crew import DaskCrew
    from support.executors import Executor

BANK, TRAIN, MAP = "bank", "train, its bank there", "map"
LAY_OUT, TRIAL, LINE = "cases laid out for trials", "a trial", "a line"
DONE = {"bank": [BANK], "train": [TRAIN], "trial": [LAY_OUT, TRIAL, LINE], "map": [MAP]}
N_WORKERS = 2
_N_TRIALS, _N_LINES = 5, 2
_N_COMPARED = 4096  # cases of a bank


class Found(NamedTuple):
    """What a verb took, and came to.

    Attributes
    ----------
    seconds : dict
        By what was done.
    outcome : str
        The same whoever computed it; empty where nothing was computed for it.
    new : float or None
        Share of the cases that were read as none of those remembered, where it was counted.
    """

    seconds: dict[str, float]
    outcome: str = ""
    new: float | None = None


def bank(path: Path, crew: DaskCrew | None) -> Found:
    """Compute the facts of every case."""
    workspace = Workspace(load_configuration(), executor=_executor(crew))
    cases = workspace.load_cases([path]).cases
    find, n_found = engine.ranking.candidates._find, Counter[str]()  # noqa: SLF001 - to count its calls

    def counted(*given: Any) -> Any:  # noqa: ANN401 - whatever it takes
        n_found["new"] += 1
        return find(*given)

    started = time.perf_counter()
    with patch("engine.ranking.candidates._find", counted):
        facts = workspace.facts(cases)
    taken = time.perf_counter() - started
    outcome = hashlib.sha256(facts.features[-_N_COMPARED:].tobytes()).hexdigest()
    return Found({BANK: taken}, outcome, None if crew else n_found["new"] / len(cases))


def train(path: Path, crew: DaskCrew | None) -> Found:
    """Run `radtune train` on a bank that is there: the process that writes judges."""
    framework = ScalableTrainingFramework()
    taken = seconds(lambda: framework.train_on_dataset([path], executor=_executor(crew)))
    return Found({TRAIN: taken})


def trial(path: Path, crew: DaskCrew | None) -> Found:
    """Value one set of weights, and every place of a line; on average of a few each."""
    config = load_configuration()
    workspace = Workspace(config)
    every = workspace.bank(workspace.load_cases([path]).cases).answerable()
    sanity = workspace.bank(workspace.load_sanity().cases).answerable()
    settings = config.objective.cut(make_pruner(config, config.study).n_rungs)
    spread = spread_over(crew, workspace.recipe) if crew else LocalCounts
    started = time.perf_counter()
    objective = WeightObjective(every, sanity, settings, spread)
    laid_out = time.perf_counter() - started
    space = SearchSpace(config.study.bounds)
    lines = (
        line_through(config.weights, direction, space)
        for direction in coordinate_directions(config.weights).values()
    )
    first, *others = itertools.islice(filter(None, lines), 1 + _N_LINES)
    value = objective.evaluate(config.weights).value  # what is prepared once does not count
    values = objective.along(first).values
    return Found(
        {
            LAY_OUT: laid_out,
            TRIAL: _mean([partial(objective.evaluate, config.weights)] * _N_TRIALS),
            LINE: _mean([partial(objective.along, line) for line in others]),
        },
        f"{value!r} {hashlib.sha256(values.tobytes()).hexdigest()}",
    )


def map_names(path: Path, crew: DaskCrew | None) -> Found:
    """Run `radtune map`."""
    lookup = Workspace(load_configuration()).lookup_engine()
    output = path.with_suffix(f".{os.getpid()}.csv")
    map_to = partial(map_file, lookup, path, output, file_format="csv", configuration="")
    taken = seconds(partial(map_to, executor=_executor(crew)))
    with output.open("rb") as file:
        outcome = hashlib.file_digest(file, "sha256").hexdigest()
    output.unlink()
    return Found({MAP: taken}, outcome)


VERBS: dict[str, Callable[[Path, DaskCrew | None], Found]] = {
    "bank": bank,
    "train": train,
    "trial": trial,
    "map": map_names,
}


def _executor(crew: DaskCrew | None) -> Executor:
    return DaskExecutor(crew) if crew else ThisProcess()


def _mean(work: Sequence[Callable[[], object]]) -> float:
    return sum(map(seconds, work)) / len(work)


def main() -> None:
    """Run the verb, in this process or on the workers of a scheduler."""
    verb, path, *scheduler = sys.argv[1:]
    if scheduler:
        with crew_of_scheduler(scheduler[0], lambda line: print(line, file=sys.stderr)) as crew:
            while len(crew.workers) < N_WORKERS:
                crew.step()
            found = VERBS[verb](Path(path), crew)
    else:
        found = VERBS[verb](Path(path), None)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
