"""Run a study as ``radtune optimize`` does, in a database that is gone afterwards."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import optuna
from typing_extensions import override

from benchmarks.search_trace import Step, steps_of
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from studies.options import make_pruner, make_strategy
from studies.progress import Silence
from studies.runner import StudyRunner
from studies.stopping import Stopper, StoppingRules
from studies.storage import open_storage, quiet_optuna
from studies.trial_log import TrialLog
from studies.trial_writer import TrialWriter

if TYPE_CHECKING:
    from objectives.configuration import Configuration, StudySettings
    from objectives.labelled_bank import LabelledBank

_NO_RULES = StoppingRules(None, None, None)


class Budget(NamedTuple):
    """How long a search may go on: it ends when it has had both its trials and its seconds.

    Attributes
    ----------
    n_trials : int
    seconds : float
    most_seconds : float
        Ends it all the same.
    most_trials : int
        Likewise, so that its records stay in memory.
    """

    n_trials: int
    seconds: float
    most_seconds: float
    most_trials: int


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


class BudgetStopper(Stopper):
    """Ends a study when its budget is met.

    Parameters
    ----------
    budget : Budget
    started : float
        ``time.monotonic`` seconds.
    """

    def __init__(self, budget: Budget, started: float) -> None:
        super().__init__(_NO_RULES, started)
        self._budget = budget
        self._since = started
        self._n_trials = 0

    @override
    def restart(self, values: Iterable[float | None]) -> None:
        self._n_trials = 0
        super().restart(values)

    @override
    def saw(self, value: float | None) -> None:
        self._n_trials += 1
        super().saw(value)

    @override
    def reason(self) -> str | None:
        seconds = time.monotonic() - self._since
        budget = self._budget
        if seconds >= budget.most_seconds:
            return f"the most it may take, {budget.most_seconds:g} s"
        if seconds >= budget.seconds and self._n_trials >= budget.n_trials:
            return f"{budget.n_trials} trials and {budget.seconds:g} s"
        return None


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
        log = TrialLog(study, TrialWriter(storage, study.study_name))
        runner = StudyRunner(study, log, strategy, pruner)
        reason = runner.run(budget.most_trials, BudgetStopper(budget, since), Silence())
        seconds = time.monotonic() - since
        storage.engine.dispose()
    n_trials = len(runner.records)
    return Searched(
        steps_of(runner.records, started),
        n_trials,
        seconds,
        reason,
        runner.n_cases_scored / (len(tuning.cases) * n_trials),
    )
