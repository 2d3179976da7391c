"""The trial loop: propose, evaluate, record; what is recorded is never lost or half done."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from optuna.trial import FrozenTrial, TrialState

from engine.errors import StudyError
from objectives.objective import never_stop
from studies.pruners import BatchPruner
from studies.records import (
    Finished,
    check_records,
    coordinates_of_record,
    critical_by_kind,
    is_feasible,
    origin_of_record,
    to_record,
    weight_distributions,
    weights_of_record,
)
from studies.samplers import Proposal, Tried
from studies.samplers.base import BASELINE
from studies.trial_writer import NumbersTakenError
from studies.warm_start import NO_WARM_START, WARM_START

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import optuna

    from engine.settings import Weights
    from objectives.objective import Rung, RungReport, Valuation
    from studies.progress import Progress
    from studies.pruners import Pruner
    from studies.samplers import Strategy
    from studies.stopping import Stopper
    from studies.trial_log import TrialLog
    from studies.warm_start import WarmStart

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

    Strategies and pruners see finished trials in memory; the database gets them, with their real
    weights, in batches.

    Parameters
    ----------
    study : optuna.Study
        The study in the database.
    log : TrialLog
        The trials of that study.
    strategy : Strategy
    pruner : Pruner
    warm_start : WarmStart, optional
        Weights that are tried after trial 0, before the strategy proposes.
    """

    def __init__(
        self,
        study: optuna.Study,
        log: TrialLog,
        strategy: Strategy,
        pruner: Pruner,
        warm_start: WarmStart = NO_WARM_START,
    ) -> None:
        self._study = study
        self._log = log
        self._strategy = strategy
        self.name = study.study_name
        self.problem = strategy.problem
        self._ranges = weight_distributions(self.problem.space)
        self._pruner = pruner
        self.warm_start = warm_start
        self._learn()

    def _learn(self) -> None:
        """Take note of every finished trial, as if none had been seen before."""
        check_records(self.name, self.records)
        self._pruner.forget()
        self._strategy.forget()
        self._best: FrozenTrial | None = None
        self._tried: list[Tried] = []
        for record in self.records:
            self._take_note(record)

    @property
    def records(self) -> Sequence[FrozenTrial]:
        """Every finished trial, in order."""
        return self._log.records

    @property
    def n_cases_scored(self) -> int:
        """Cases of the tuning sites that were scored, all trials together."""
        return sum(record.user_attrs.get("n_cases_scored", 0) for record in self.records)

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
        while True:
            try:
                reason = self._run_on(n_trials, stopper, progress)
                break
            except NumbersTakenError as error:
                progress.say(f"another process has brought the study to {error.n_trials} trials")
                self._log.reload()
                self._learn()
        if self._study.user_attrs.get(_STOP_REASON) != reason:
            self._study.set_user_attr(_STOP_REASON, reason)
        return reason

    def _run_on(self, n_trials: int, stopper: Stopper, progress: Progress) -> str:
        stopper.restart(_feasible_value(record) for record in self.records)
        note = self._strategy.plan(
            self._tried, max(n_trials - 1 - len(self.warm_start.weights), 0)
        )
        if note and len(self.records) < n_trials:
            progress.say(note)
        with self._log:
            while (reason := self._end(stopper, n_trials)) is None:
                for finished in self._next(n_trials):
                    record = self._record(finished)
                    stopper.saw(_feasible_value(record))
                    progress.trial(len(self.records), n_trials, self.best().value)
                    if self._end(stopper, n_trials) is not None:
                        break
        return reason

    def _end(self, stopper: Stopper, n_trials: int) -> str | None:
        number = len(self.records)
        if number >= n_trials:
            return f"all {n_trials} trials done"
        if number == 0:
            return None
        if number <= len(self.warm_start.weights):
            return stopper.reason()
        return self._strategy.ended(self._tried) or stopper.reason()

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

    def _take_note(self, record: FrozenTrial) -> None:
        """Show a trial to strategies and pruner; the first of equally good ones is the best."""
        value = _feasible_value(record)
        self._pruner.saw(record, value)
        complete = record.value if record.state is TrialState.COMPLETE else None
        self._tried.append(
            Tried(
                weights_of_record(record),
                coordinates_of_record(record),
                origin_of_record(record),
                complete,
                record.value,
                record.intermediate_values,
                record.constraints,
            )
        )
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

    def _next(self, n_trials: int) -> Iterable[Finished]:
        """Run the next trial, or the next few where the strategy places several at once."""
        number, problem = len(self.records), self.problem
        if number == 0:
            return [self._run_trial(problem.proposal(problem.current, BASELINE))]
        if number <= len(self.warm_start.weights):
            weights = self.warm_start.weights[number - 1]
            origin = f"{WARM_START}: {self.warm_start.source}"
            return [self._run_trial(problem.proposal(weights, origin), self._pruner.begin())]
        pruner = self._pruner
        if self._strategy.places_many and isinstance(pruner, BatchPruner):
            end = min(n_trials, pruner.batch_ends_before(number))
            proposals = self._strategy.proposals(self._tried, end - number)
            is_spared = any(one.teaches for one in proposals)
            return self._run_at_once(proposals, float("-inf") if is_spared else pruner.floor)
        proposals = self._strategy.proposals(self._tried, n_trials - number)
        return (self._run_trial(one, self._judge_of(one)) for one in proposals)

    def _judge_of(self, proposal: Proposal) -> RungReport:
        """Return what stops a trial; a bound saves cases, not at the cost of what is learned."""
        if proposal.teaches and isinstance(self._pruner, BatchPruner):
            return never_stop
        return self._pruner.begin()

    def _run_at_once(self, proposals: Sequence[Proposal], floor: float) -> Sequence[Finished]:
        started = datetime.now()  # noqa: DTZ005 - Optuna stores local times
        try:
            evaluated = self.problem.objective.evaluate_many(
                [one.weights for one in proposals], floor
            )
        except Exception:
            for proposal in proposals:  # one at a time the trial at fault shows
                self._run_trial(proposal)
            raise
        ended = datetime.now()  # noqa: DTZ005
        return [
            Finished(
                _state(full.valuation), *proposal[:3], full.valuation, full.rungs, started, ended
            )
            for proposal, full in zip(proposals, evaluated, strict=True)
        ]

    def _run_trial(self, proposal: Proposal, report: RungReport = never_stop) -> Finished:
        """Run one trial; a bug is recorded with its traceback and raised."""
        started = datetime.now()  # noqa: DTZ005
        seen: list[Rung] = []

        def stops(rung: Rung) -> bool:
            seen.append(rung)
            return report(rung)

        def finished(state: TrialState, valuation: Valuation | None) -> Finished:
            rungs = {rung.number: rung.value for rung in seen}
            parts = [rung.part_value for rung in seen] if self._pruner.reads_parts else []
            ended = datetime.now()  # noqa: DTZ005
            return Finished(state, *proposal[:3], valuation, rungs, started, ended, parts)

        try:
            valuation = self.problem.objective.evaluate(proposal.weights, stops)
        except Exception:
            self._record(finished(TrialState.FAIL, None), traceback.format_exc())
            raise
        return finished(_state(valuation), valuation)

    def _record(self, finished: Finished, failure: str = "") -> FrozenTrial:
        baseline = critical_by_kind(self._first()) if self.records else None
        record = to_record(finished, self._ranges, baseline, failure)
        self._log.add(record)
        self._take_note(record)
        return record


def _state(valuation: Valuation) -> TrialState:
    is_complete = valuation.critical_errors is not None
    return TrialState.COMPLETE if is_complete else TrialState.PRUNED


def _feasible_value(record: FrozenTrial) -> float | None:
    """Return the value of a complete and feasible trial, else None."""
    if record.state is not TrialState.COMPLETE or record.value is None:
        return None
    return record.value if is_feasible(record) else None
