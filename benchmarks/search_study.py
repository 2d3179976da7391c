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
from studies.coordinator import Coordinator
from studies.definition.options import make_pruner, make_strategy
from studies.progress import NullProgress
from studies.stopping import Stopper, StoppingRules
from studies.storage.database import open_storage, quiet_optuna
from studies.storage.ownership import Ownership
from studies.storage.study_queue import offer

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration, StudySettings


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
    n_rungs = make_pruner(config, settings).n_rungs
    objective = WeightObjective(tuning, sanity, config.objective.cut(n_rungs))
    rules = StoppingRules(threshold=None, timeout=budget.seconds, patience=None)
    with quiet_optuna(), tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{Path(folder, 'study.db')}")
        coordinator, reason = run_study(
            (config, settings), objective, storage, budget.n_trials, Stopper(rules, since)
        )
        seconds = time.monotonic() - since
        storage.engine.dispose()
    n_trials = len(coordinator.records)
    return Searched(
        steps_of(coordinator.records, started),
        n_trials,
        seconds,
        reason,
        coordinator.n_cases_scored / (len(tuning.cases) * n_trials),
    )


def run_study(
    setting: tuple[Configuration, StudySettings],
    objective: WeightObjective,
    storage: RDBStorage,
    n_trials: int,
    stopper: Stopper,
) -> tuple[Coordinator, str]:
    """Run a new study in a database; return what knows its trials, and why it ended."""
    config, settings = setting
    pruner = make_pruner(config, settings)
    strategy = make_strategy(config, settings, SearchSpace(settings.bounds), objective)
    study = optuna.create_study(storage=storage, direction="maximize")
    with Ownership(storage, study) as ownership:
        offer(storage, study.study_name, n_trials)
        coordinator = Coordinator(ownership, strategy, pruner)
        return coordinator, coordinator.run(stopper, NullProgress())
