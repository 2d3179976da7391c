"""The trial loop: propose, evaluate, record; what is recorded is never lost or half done."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from engine.errors import StudyError
from objectives.objective import never_stop
from studies.pruners import BatchPruner
from studies.records import (
    CRITICAL_CONSTRAINT,
    Finished,
    coordinate_distributions,
    coordinates_of_record,
    to_history,
    to_record,
    weight_distributions,
    weights_of_record,
)
from studies.samplers import BatchStrategy, LearningStrategy, Proposal, Tried
from studies.trial_writer import NumbersTakenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.settings import Weights
    from objectives.objective import Rung, RungReport, Valuation, WeightObjective
    from studies.progress import Progress
    from studies.pruners import Pruner
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

    Sampling happens in a study in memory whose parameters are search coordinates; the
    database gets finished trials, with their real weights, in batches.

    Parameters
    ----------
    study : optuna.Study
        The study in the database.
    log : TrialLog
        The trials of that study.
    objective : WeightObjective
    strategy : Strategy
    pruner : Pruner
    """

    def __init__(
        self,
        study: optuna.Study,
        log: TrialLog,
        objective: WeightObjective,
        strategy: Strategy,
        pruner: Pruner,
    ) -> None:
        self._study = study
        self._log = log
        self._objective = objective
        self._strategy = strategy
        self.name = study.study_name
        self.space = strategy.problem.space
        self._axes = coordinate_distributions(self.space)
        self._ranges = weight_distributions(self.space)
        self._pruner = pruner
        self._learn()

    def _learn(self) -> None:
        """Take note of every finished trial, as if none had been seen before."""
        self._pruner.forget()
        self._best: FrozenTrial | None = None
        self._tried: list[Tried] = []
        for record in self.records:
            self._take_note(record)
        self._history = optuna.create_study(study_name=self.name, direction="maximize")
        if isinstance(self._strategy, LearningStrategy):
            self._history.add_trials(to_history(record, self.space) for record in self.records)

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
        done = [weights_of_record(record) for record in self.records]
        note = self._strategy.plan(done, n_trials)
        if note and len(done) < n_trials:
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

    def _take_note(self, record: FrozenTrial) -> None:
        """Show a trial to strategies and pruner; the first of equally good ones is the best."""
        value = _feasible_value(record)
        self._pruner.saw(record, value)
        complete = record.value if record.state is TrialState.COMPLETE else None
        point = coordinates_of_record(record)
        self._tried.append(
            Tried(point, complete, is_feasible=value is not None, so_far=record.value)
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
        number, strategy = len(self.records), self._strategy
        if number == 0:
            return [self._run_trial(strategy.current())]
        if isinstance(strategy, BatchStrategy):
            return self._run_batch(number, n_trials, strategy)
        return [self._run_sampled(strategy.sampler(number))]

    def _run_batch(
        self, number: int, n_trials: int, strategy: BatchStrategy
    ) -> Iterable[Finished]:
        """Value many proposals at once, or one by one for a pruner that needs each in turn."""
        pruner = self._pruner
        if isinstance(pruner, BatchPruner):
            end = min(n_trials, pruner.batch_ends_before(number))
            return self._run_at_once(strategy.proposals(self._tried, end - number), pruner.floor)
        proposals = strategy.proposals(self._tried, n_trials - number)
        return (self._run_trial(one, pruner.begin()) for one in proposals)

    def _run_at_once(self, proposals: Sequence[Proposal], floor: float) -> Sequence[Finished]:
        started = datetime.now()  # noqa: DTZ005 - Optuna stores local times
        try:
            evaluated = self._objective.evaluate_many([one.weights for one in proposals], floor)
        except Exception:
            for proposal in proposals:  # one at a time the trial at fault shows
                self._run_trial(proposal)
            raise
        ended = datetime.now()  # noqa: DTZ005
        return [
            Finished(_state(full.valuation), *proposal, full.valuation, full.rungs, started, ended)
            for proposal, full in zip(proposals, evaluated, strict=True)
        ]

    def _run_sampled(self, sampler: optuna.samplers.BaseSampler) -> Finished:
        """Run a trial where the sampler puts it."""
        self._history.sampler = sampler
        trial = self._history.ask(self._axes)
        point = trial.params  # a copy each time
        proposal = Proposal(self.space.decode(point), point)
        finished = self._run_trial(proposal, self._pruner.begin())
        value = finished.valuation.value if finished.valuation else None
        is_complete = finished.state is TrialState.COMPLETE
        if value is not None and not is_complete:
            trial.report(value, max(finished.rungs))  # all that samplers read of the rungs
        self._history.tell(trial, value if is_complete else None, state=finished.state)
        return finished

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
            return Finished(state, *proposal, valuation, rungs, started, ended, parts)

        try:
            valuation = self._objective.evaluate(proposal.weights, stops)
        except Exception:
            self._record(finished(TrialState.FAIL, None), traceback.format_exc())
            raise
        return finished(_state(valuation), valuation)

    def _record(self, finished: Finished, failure: str = "") -> FrozenTrial:
        baseline = self._first().user_attrs["critical_errors"] if self.records else None
        record = to_record(finished, self._ranges, baseline, failure)
        self._log.add(record)
        self._take_note(record)
        if record.number == 0 and isinstance(self._strategy, LearningStrategy):
            self._history.add_trial(to_history(record, self.space))
        return record


def _state(valuation: Valuation) -> TrialState:
    is_complete = valuation.critical_errors is not None
    return TrialState.COMPLETE if is_complete else TrialState.PRUNED


def _feasible_value(record: FrozenTrial) -> float | None:
    """Return the value of a complete trial without additional critical errors, else None."""
    if record.state is not TrialState.COMPLETE or record.value is None:
        return None
    return record.value if record.constraints.get(CRITICAL_CONSTRAINT, 0.0) <= 0 else None
