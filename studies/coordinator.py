"""The trial loop: propose, evaluate, learn, write. One process runs it for a study."""

from __future__ import annotations

import time
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from objectives.objective import never_stop
from studies.pruners import BatchPruner
from studies.storage.database_retry import DatabaseRetry
from studies.storage.ownership import StudyTakenError, Summary
from studies.storage.study_table import StudyState
from studies.storage.trial_records import (
    check_records,
    critical_by_kind,
    feasible_value,
    reading,
    to_record,
    to_trial,
    weight_distributions,
    weights_of_record,
)
from studies.trial import BASELINE, WARM_START
from studies.warm_start import NO_WARM_START
from support.errors import RadTuneError, StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.ranking.weights import Weights
    from objectives.objective import Rung, RungReport
    from studies.progress import Progress
    from studies.pruners import Pruner
    from studies.samplers import Strategy
    from studies.stopping import Stopper
    from studies.storage.ownership import Ownership, Standing
    from studies.trial import Trial
    from studies.warm_start import WarmStart

_WRITE_EVERY_S = 1.0
_AT_ONCE_S = 0.25  # that trials may take that are placed and valued together
_MOST_AT_ONCE = 1024  # of them
_GROWTH = 8  # of their number, at most, beside those before
STOPPED = "stopped by its user"
CANCELLED = "it was cancelled"
_IN_PIECES = (
    "this version of Optuna was not tested: trials are written one by one, which is slower"
)


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


class Coordinator:
    """Runs the trials of a study that this process owns, until its budget is met.

    A proposal depends on the seed, its number and the trials before it only, so a study is the
    same however often it was interrupted and wherever its cases are scored. Finished trials are
    written at least once a second.

    Parameters
    ----------
    ownership : Ownership
        Of the study.
    strategy : Strategy
    pruner : Pruner
    warm_start : WarmStart, optional
        Weights that are tried after trial 0, before the strategy proposes.

    Attributes
    ----------
    name : str
        Of the study.
    problem : Problem
    warm_start : WarmStart
    records : list of FrozenTrial
        Every trial, in order.

    Raises
    ------
    StudyError
        When the study has trials that this program has not written.
    """

    def __init__(
        self,
        ownership: Ownership,
        strategy: Strategy,
        pruner: Pruner,
        warm_start: WarmStart = NO_WARM_START,
    ) -> None:
        self._ownership = ownership
        self._strategy = strategy
        self.name = ownership.study.study_name
        self.problem = strategy.problem
        self._ranges = weight_distributions(self.problem.space)
        self._pruner = pruner
        self.warm_start = warm_start
        self.records: list[FrozenTrial] = []
        self._history: list[Trial] = []
        self._best: FrozenTrial | None = None
        self._stopper: Stopper | None = None
        with reading(self.name):
            there = ownership.study.get_trials(deepcopy=False)
        check_records(self.name, there)
        for record in there:
            self._learn(record)
        self._n_written = len(there)

    @property
    def n_cases_scored(self) -> int:
        """Cases of the tuning sites that were scored, all trials together."""
        return sum(record.user_attrs.get("n_cases_scored", 0) for record in self.records)

    def run(
        self,
        stopper: Stopper,
        progress: Progress,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> str:
        """Run until the study has all trials of its budget, or a rule ends it sooner.

        Trial 0 always runs: without it nothing can be compared.

        Parameters
        ----------
        stopper : Stopper
        progress : Progress
        is_stopped : callable
            Asked after each trial; when it says yes, what has run is written.

        Returns
        -------
        str
            Why it ended, in words.

        Raises
        ------
        StudyTakenError
            When another process owns the study now.
        """
        self._stopper, self._progress, self._is_stopped = stopper, progress, is_stopped
        self._retry = DatabaseRetry(progress.say, is_stopped)
        stopper.restart(feasible_value(record) for record in self.records)
        if not self._ownership.writes_in_bulk:
            progress.say(_IN_PIECES)
        self._since, self._n_since = time.monotonic(), len(self.records)
        try:
            return self._run()
        except (SQLAlchemyError, StorageInternalError, StudyTakenError):
            raise
        except BaseException:
            self._write()
            raise

    def _run(self) -> str:
        standing = self._write()
        if note := self._note(standing.budget):
            self._progress.say(note)
        n_at_once = 1
        while True:
            if standing.state is not StudyState.OPEN:
                return CANCELLED
            if end := self._end(standing.budget):
                standing = self._close(end, standing.budget)
                if standing.state is StudyState.OPEN:  # its budget was raised this very moment
                    continue
                return end
            if pause := self._pause():
                self._close(pause)
                return pause
            until = time.monotonic() + _WRITE_EVERY_S - _AT_ONCE_S
            while time.monotonic() < until and not self._end(standing.budget):
                began = time.monotonic()
                n_run = self._run_some(n_at_once, standing.budget)
                pace = (time.monotonic() - began) / max(1, n_run)
                n_at_once = max(
                    1, min(_MOST_AT_ONCE, _GROWTH * n_run, int(_AT_ONCE_S / max(pace, 1e-6)))
                )
                if self._pause():
                    break
            standing = self._write()

    def _close(self, reason: str, judged_budget: int | None = None) -> Standing:
        self._write()
        return self._retry(lambda: self._ownership.end(reason, judged_budget))

    def _note(self, budget: int) -> str | None:
        """Return what is not as one might expect of the trials to come."""
        n_places = budget - self._n_given
        return self._strategy.note(n_places) if n_places > 0 and not self._end(budget) else None

    def _write(self) -> Standing:
        """Write what has run since the last time, and see how the study stands."""
        taken_s = time.monotonic() - self._since
        rate = (len(self.records) - self._n_since) / taken_s if taken_s > 0 else None
        first = feasible_value(self.records[0]) if self.records else None
        best = feasible_value(self._best) if self._best else first
        summary = Summary(first, best, rate or None)
        new = self.records[self._n_written :]
        standing = self._retry(lambda: self._ownership.write(new, self._n_written, summary))
        self._n_written = len(self.records)
        return standing

    def _learn(self, record: FrozenTrial) -> None:
        """Take note of the next trial; the first of equally good ones is the best."""
        self.records.append(record)
        self._history.append(to_trial(record))
        value = feasible_value(record)
        best = feasible_value(self._best) if self._best else None
        if value is not None and (best is None or value > best):
            self._best = record
        self._pruner.saw(record, value)
        if self._stopper:
            self._stopper.saw(value)

    @property
    def _n_given(self) -> int:
        return 1 + len(self.warm_start.weights)

    def _end(self, budget: int) -> str | None:
        """Say why the study is finished."""
        n_known = len(self.records)
        if n_known >= budget:
            return f"all {budget} trials done"
        if n_known < self._n_given:
            return self._stopper.reason() if self._stopper and n_known else None
        reason = self._strategy.ended(self._history)
        return self._stopper.reason() if reason is None and self._stopper else reason

    def _pause(self) -> str | None:
        """Say why this run ends, though the study may go on."""
        if self._is_stopped():
            return STOPPED
        return self._stopper.out_of_time() if self._stopper and self.records else None

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
        """Return the best complete trial with no more critical errors of any kind than trial 0."""
        return Contender.of(self._best or self._first())

    @property
    def _best_value(self) -> float:
        return float((self._best or self._first()).value or 0.0)

    def _first(self) -> FrozenTrial:
        first = self.records[0]
        if first.state is not TrialState.COMPLETE:
            raise StudyError(
                f"study {self.name!r}: trial 0 (the current weights) failed; "
                "start another study with --study-name NAME"
            )
        return first

    def _run_some(self, n_at_once: int, budget: int) -> int:
        """Run the next trials, as many as the strategy places at once; return how many."""
        n_before = len(self.records)
        for trial in self._next(range(n_before, min(n_before + n_at_once, budget))):
            self._record_trial(trial)
            self._progress.trial(len(self.records), budget, self._best_value)
            if self._end(budget) or self._pause():
                break
        return len(self.records) - n_before

    def _record_trial(self, trial: Trial, failure: str = "") -> None:
        baseline = critical_by_kind(self._first()) if self.records else {}
        record = to_record(trial, self._ranges, self.problem.allowed(baseline), failure)
        record.number = len(self.records)
        self._learn(record)

    def _next(self, numbers: range) -> Iterable[Trial]:
        """Run the next trial, or the next few where the strategy places several at once."""
        number, problem, pruner = numbers.start, self.problem, self._pruner
        if number == 0:
            return [self._run_trial(problem.proposal(problem.current, BASELINE))]
        if number < self._n_given:
            weights = self.warm_start.weights[number - 1]
            origin = f"{WARM_START}: {self.warm_start.source}"
            return [self._run_trial(problem.proposal(weights, origin), pruner.begin())]
        if self._strategy.places_many and isinstance(pruner, BatchPruner):
            end = min(numbers.stop, pruner.batch_ends_before(number))
            proposed = self._strategy.proposals(self._history, range(number, end))
            is_spared = any(one.teaches for one in proposed)
            return self._run_at_once(proposed, float("-inf") if is_spared else pruner.floor)
        (trial,) = self._strategy.proposals(self._history, range(number, number + 1))
        return [self._run_trial(trial, self._judge_of(trial))]

    def _judge_of(self, trial: Trial) -> RungReport:
        """Return what stops a trial; a bound saves cases, not at the cost of what is learned."""
        if trial.teaches and isinstance(self._pruner, BatchPruner):
            return never_stop
        return self._pruner.begin()

    def _run_at_once(self, proposed: Sequence[Trial], floor: float) -> Sequence[Trial]:
        started = datetime.now()  # noqa: DTZ005 - Optuna stores local times
        try:
            evaluated = self.problem.objective.evaluate_many(
                [one.weights for one in proposed], floor
            )
        except RadTuneError:  # nothing is wrong with the trials
            raise
        except Exception:
            for trial in proposed:  # one at a time the trial at fault shows
                self._record_trial(self._run_trial(trial))
            raise
        ended = datetime.now()  # noqa: DTZ005
        return [
            trial.valued(full.valuation)._replace(rungs=full.rungs, started=started, ended=ended)
            for trial, full in zip(proposed, evaluated, strict=True)
        ]

    def _run_trial(self, trial: Trial, report: RungReport = never_stop) -> Trial:
        """Run one trial; a bug is recorded with its traceback and raised."""
        started = datetime.now()  # noqa: DTZ005
        seen: list[Rung] = []

        def stops(rung: Rung) -> bool:
            seen.append(rung)
            return report(rung)

        def ended() -> Trial:
            return trial._replace(
                rungs={rung.number: rung.value for rung in seen},
                part_values=[rung.part_value for rung in seen] if self._pruner.reads_parts else (),
                started=started,
                ended=datetime.now(),  # noqa: DTZ005
            )

        try:
            valuation = self.problem.objective.evaluate(trial.weights, stops)
        except RadTuneError:
            raise
        except Exception:
            failed = ended()._replace(state=TrialState.FAIL)
            self._record_trial(failed, traceback.format_exc())
            raise
        return ended().valued(valuation)


def stopped_at(coordinator: Coordinator, budget: int) -> str:
    """Say how far a study is, and how it goes on."""
    return (
        f"study {coordinator.name!r} is stopped at {len(coordinator.records)} of {budget} trials; "
        "the same command goes on from there"
    )
