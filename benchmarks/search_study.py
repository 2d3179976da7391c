"""Run a study as ``radtune optimize`` does, in a database that is gone afterwards."""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import optuna

from benchmarks.search_trace import Step, steps_of
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from studies.ledger import offer
from studies.options import make_pruner, make_strategy
from studies.progress import Silence
from studies.runner import make_runner
from studies.stopping import Stopper, StoppingRules
from studies.storage import open_storage, quiet_optuna
from studies.worker import Worker

if TYPE_CHECKING:
    from objectives.configuration import Configuration, StudySettings
    from objectives.labelled_bank import LabelledBank


class Budget(NamedTuple):
    """What a search may take at most: trials, and seconds without its last trial."""

    n_trials: int
    seconds: float


class Searched(NamedTuple):
    """What a study found, and what it took.

    Attributes
    ----------
    steps : list of Step
        From trial 0 to the best.
    n_trials : int
    seconds : float
        Until its last trial was in the database.
    stop_reason : str
    share_scored : float
        Cases scored of all there were to score, trial by trial, in [0, 1].
    """

    steps: list[Step]
    n_trials: int
    seconds: float
    stop_reason: str
    share_scored: float


def search(
    config: Configuration,
    settings: StudySettings,
    tuning: LabelledBank,
    sanity: LabelledBank,
    budget: Budget,
) -> Searched:
    """Run a study with the strategy, pruner and seed of its settings.

    Parameters
    ----------
    config : Configuration
    settings : StudySettings
    tuning, sanity : LabelledBank
        Answerable cases, already in memory or mapped: what loads them does not count.
    budget : Budget
    """
    since, started = time.monotonic(), datetime.now()  # noqa: DTZ005 - as Optuna's own times
    pruner = make_pruner(config, settings)
    objective = WeightObjective(tuning, sanity, config.objective.cut(pruner.n_rungs))
    strategy = make_strategy(config, settings, SearchSpace(settings.bounds), objective)
    with quiet_optuna(), tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{Path(folder, 'study.db')}")
        study = optuna.create_study(storage=storage, direction="maximize")
        rules = StoppingRules(threshold=None, timeout=budget.seconds, patience=None)
        with Worker(storage.engine) as worker:
            offer(storage, study.study_name, budget.n_trials)
            runner = make_runner(storage, study, worker, strategy, pruner)
            reason = runner.run(Stopper(rules, since), Silence())
        seconds = time.monotonic() - since
        storage.engine.dispose()
    n_trials = len(runner.records)
    return Searched(
        steps_of(runner.records, started),
        n_trials,
        seconds,
        reason or "",
        runner.n_cases_scored / (len(tuning.cases) * n_trials),
    )
