"""Optuna's own pruners, shown our trials one after the other."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState
from typing_extensions import override

from studies.pruners.base import Pruner
from studies.storage.trial_records import part_values_of_record
from support.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.trial import FrozenTrial

    from objectives.configuration import PrunerSettings
    from objectives.objective import Rung, RungReport


class FromOptuna(Pruner):
    """Asks one of Optuna's pruners.

    It reads a study in memory that holds every trial under its number, without parameters. The
    database gets finished trials only: those of an earlier run are replayed, report by report,
    because Optuna's pruners keep notes with each trial while it runs.
    """

    def __init__(self, settings: PrunerSettings, n_rungs: int, seed: int) -> None:
        super().__init__(settings, n_rungs, seed)
        # Hyperband draws the bracket of a trial from the name of its study and its number.
        self._study = optuna.create_study(
            study_name=f"seed {self.seed}",
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(self.seed),
            pruner=self.optunas_own(),
        )
        self._running: optuna.Trial | None = None

    @abstractmethod
    def optunas_own(self) -> optuna.pruners.BasePruner:
        """Build the pruner."""

    @override
    def begin(self) -> RungReport:
        self._running = trial = self._study.ask()

        def stops(rung: Rung) -> bool:
            trial.report(self.reported(rung), rung.number)
            return trial.should_prune()

        return stops

    @override
    def saw(self, record: FrozenTrial, value: float | None) -> None:
        trial, self._running = self._running or self._replayed(record), None
        is_complete = record.state is TrialState.COMPLETE
        if is_complete:
            trial.set_constraint("is infeasible", float(value is None))
        # A trial that is never told would stay RUNNING for ever.
        self._study.tell(trial, record.value if is_complete else None, record.state)

    def _replayed(self, record: FrozenTrial) -> optuna.Trial:
        trial = self._study.ask()
        for number, value in sorted(self.reports_of(record).items()):
            trial.report(value, number)
            trial.should_prune()  # what it says was heeded, or not, at the time
        return trial

    def reported(self, rung: Rung) -> float:
        """Return what the pruner is told at a rung: the value over the cases so far."""
        return rung.value

    def reports_of(self, record: FrozenTrial) -> Mapping[int, float]:
        """Return what it was told of a finished trial."""
        return record.intermediate_values


class Median(FromOptuna):
    """Stops a trial whose best report lies below the median of complete trials at that rung.

    Source: Golovin et al. (2017), "Google Vizier", section 3.2.
    """

    name = "median"
    summary = "trials below the median of earlier ones"

    @override
    def optunas_own(self) -> optuna.pruners.BasePruner:
        median = self.settings.median
        return optuna.pruners.MedianPruner(
            median.n_startup_trials, n_min_trials=median.n_min_trials
        )


class SuccessiveHalving(FromOptuna):
    """Lets one in so many go on at each of a few rungs, ever further apart.

    Source: Li et al. (2020), "A system for massively parallel hyperparameter tuning".
    """

    name = "successive_halving"
    summary = "trials outside the best share at a few rungs"

    @override
    def optunas_own(self) -> optuna.pruners.BasePruner:
        factor = self.settings.successive_halving.reduction_factor
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)


class Hyperband(FromOptuna):
    """Successive halving in brackets that begin to stop trials sooner or later.

    Source: Li et al. (2018), "Hyperband".
    """

    name = "hyperband"
    summary = "as successive_halving, from different rungs on"

    @override
    def optunas_own(self) -> optuna.pruners.BasePruner:
        factor = self.settings.hyperband.reduction_factor
        return optuna.pruners.HyperbandPruner(
            min_resource=1, max_resource=self.n_rungs, reduction_factor=factor
        )


class Wilcoxon(FromOptuna):
    """Stops a trial whose parts score lower than the best trial's by a signed-rank test.

    Source: Wilcoxon (1945), "Individual comparisons by ranking methods".
    """

    name = "wilcoxon"
    summary = "trials below the best one by a signed-rank test"
    reads_parts = True
    _N_PAIRS = 14  # with fewer, and ties, SciPy's test is exact and takes a second each time

    def __init__(self, settings: PrunerSettings, n_rungs: int, seed: int) -> None:
        if n_rungs <= self._N_PAIRS:
            raise ConfigurationError(
                f"objective.n_rungs: the pruner wilcoxon compares {self._N_PAIRS} parts before "
                f"the last, got {n_rungs}; give {self._N_PAIRS + 1} or more, or another pruner"
            )
        super().__init__(settings, n_rungs, seed)

    @override
    def optunas_own(self) -> optuna.pruners.BasePruner:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.pruners.WilcoxonPruner(
                p_threshold=self.settings.wilcoxon.p_threshold, n_startup_steps=self._N_PAIRS
            )

    @override
    def reported(self, rung: Rung) -> float:
        return rung.part_value

    @override
    def reports_of(self, record: FrozenTrial) -> Mapping[int, float]:
        return dict(enumerate(part_values_of_record(record), start=1))
