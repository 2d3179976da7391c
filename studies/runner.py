"""The trial loop: propose, evaluate, record; what is recorded is never lost or half done."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from engine.errors import StudyError
from studies.records import (
    CRITICAL_CONSTRAINT,
    Finished,
    coordinate_distributions,
    to_history,
    to_record,
    weights_of_record,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.settings import Weights
    from objectives.configuration import PrunerSettings
    from objectives.objective import WeightObjective
    from studies.progress import Progress
    from studies.samplers import Strategy
    from studies.stopping import Stopper
    from studies.trial_log import TrialLog

_STOP_REASON = "stop_reason"


class Contender(NamedTuple):
    """A complete trial of a study that may be compared and exported."""

    number: int
    value: float
    weights: Weights
    site_accuracies: dict[str, float]

    @classmethod
    def of(cls, record: FrozenTrial) -> Contender:
        """Read a complete trial."""
        return cls(
            record.number,
            float(record.value or 0.0),
            weights_of_record(record),
            record.user_attrs["site_accuracies"],
        )


class StudyRunner:
    """Runs trials of one study until its budget is met.

    Sampling and pruning happen in a study in memory whose parameters are search coordinates; the
    database gets finished trials, with their real weights, in batches.

    Parameters
    ----------
    study : optuna.Study
        The study in the database.
    log : TrialLog
        The trials of that study.
    objective : WeightObjective
    strategy : Strategy
    pruner : PrunerSettings
    """

    def __init__(
        self,
        study: optuna.Study,
        log: TrialLog,
        objective: WeightObjective,
        strategy: Strategy,
        pruner: PrunerSettings,
    ) -> None:
        self._study = study
        self._log = log
        self._objective = objective
        self._strategy = strategy
        self.name = study.study_name
        self.space = strategy.problem.space
        self._axes = coordinate_distributions(self.space)
        self._history = optuna.create_study(
            study_name=study.study_name,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=pruner.n_startup_trials,
                n_warmup_steps=0,
                n_min_trials=pruner.n_min_trials,
            ),
        )
        self._best: FrozenTrial | None = None
        for record in self.records:
            self._history.add_trial(to_history(record, self.space))
            self._compare(record)

    @property
    def records(self) -> Sequence[FrozenTrial]:
        """Every finished trial, in order."""
        return self._log.records

    def run(
        self,
        n_trials: int,
        stopper: Stopper,
        progress: Progress,
    ) -> str:
        """Run until the study has `n_trials` trials in all, or a rule ends it sooner.

        Trial 0 always runs: without it nothing can be compared.

        Returns
        -------
        str
            Why it ended, in words; stored with the study.
        """
        for record in self.records:
            stopper.saw(_feasible_value(record))
        done = [weights_of_record(record) for record in self.records]
        note = self._strategy.plan(done, n_trials)
        if note and len(done) < n_trials:
            progress.say(note)
        with self._log:
            while (reason := self._end(stopper, n_trials)) is None:
                record = self._run_trial(len(self.records))
                stopper.saw(_feasible_value(record))
                progress.trial(len(self.records), n_trials, self.best().value)
        if self._study.user_attrs.get(_STOP_REASON) != reason:
            self._study.set_user_attr(_STOP_REASON, reason)
        return reason

    def _end(self, stopper: Stopper, n_trials: int) -> str | None:
        number = len(self.records)
        if number >= n_trials:
            return f"all {n_trials} trials done"
        if self._strategy.exhausted(number):
            return "every grid point tried"
        return stopper.reason() if number else None

    @property
    def current(self) -> Contender:
        """Trial 0: the current weights.

        Raises
        ------
        StudyError
            When it failed: nothing can be compared with it.
        """
        return Contender.of(self._first())

    def best(self) -> Contender:
        """Return the best complete trial with no more critical errors than trial 0."""
        return Contender.of(self._best or self._first())

    def _compare(self, record: FrozenTrial) -> None:
        """Keep the best feasible trial; of equals the first."""
        value = _feasible_value(record)
        best = _feasible_value(self._best) if self._best else None
        if value is not None and (best is None or value > best):
            self._best = record

    def _first(self) -> FrozenTrial:
        first = self.records[0]
        if first.state is not TrialState.COMPLETE:
            raise StudyError(
                f"study {self.name!r}: trial 0 (the current weights) failed; "
                "start another study with --study-name NAME"
            )
        return first

    def _run_trial(self, number: int) -> FrozenTrial:
        """Run one trial and record it; a bug is recorded with its traceback and raised."""
        started = datetime.now()  # noqa: DTZ005 - Optuna stores local times
        trial, weights = self._propose(number)
        rungs: dict[int, float] = {}

        def stop_at(rung: int, value: float) -> bool:
            rungs[rung] = value
            trial.report(value, rung)
            return trial.should_prune()

        unfinished = Finished(TrialState.FAIL, weights, trial.params, None, rungs, started)
        try:
            valuation = self._objective.evaluate(weights, stop_at)
        except Exception:
            self._record(unfinished, number, traceback.format_exc())
            raise
        complete = valuation.critical_errors is not None
        state = TrialState.COMPLETE if complete else TrialState.PRUNED
        record = self._record(unfinished._replace(state=state, valuation=valuation), number)
        self._history.tell(trial, valuation.value if complete else None, state=state)
        return record

    def _propose(self, number: int) -> tuple[optuna.Trial, Weights]:
        """Place the next trial: where the strategy fixes it, else where its sampler puts it."""
        current = self._strategy.problem.current
        weights = self._strategy.proposal(number) if number else current
        if weights is not None:
            self._history.enqueue_trial(self.space.encode(weights))
        self._history.sampler = self._strategy.sampler(number)
        trial = self._history.ask(self._axes)
        return trial, weights or self.space.decode(trial.params)

    def _record(self, finished: Finished, number: int, failure: str = "") -> FrozenTrial:
        baseline = self._first().user_attrs["critical_errors"] if number else None
        record = to_record(finished, self.space, baseline, failure)
        self._log.add(record)
        self._compare(record)
        return record


def _feasible_value(record: FrozenTrial) -> float | None:
    """Return the value of a complete trial without additional critical errors, else None."""
    if record.state is not TrialState.COMPLETE or record.value is None:
        return None
    return record.value if record.constraints.get(CRITICAL_CONSTRAINT, 0.0) <= 0 else None
