"""The trial loop: lease, propose, evaluate, bring back; alone or beside other workers."""

from __future__ import annotations

import time
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import StudyError
from objectives.objective import never_stop
from studies.ledger import STOP_REASON, Block, Ledger, SearchState
from studies.patience import Patience
from studies.progress import Silence
from studies.pruners import BatchPruner, SequentialPruner
from studies.records import (
    Finished,
    check_records,
    coordinates_of_record,
    critical_by_kind,
    feasible_value,
    lane_of_record,
    origin_of_record,
    reading,
    to_record,
    weight_distributions,
    weights_of_record,
)
from studies.samplers import Proposal, Tried, Turn
from studies.samplers.base import BASELINE, WARM_START
from studies.schedule import Schedule
from studies.warm_start import NO_WARM_START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import optuna
    from optuna.storages import RDBStorage

    from engine.settings import Weights
    from objectives.objective import Rung, RungReport, Valuation
    from studies.ledger import Answer
    from studies.progress import Progress
    from studies.pruners import Pruner
    from studies.samplers import Strategy
    from studies.stopping import Stopper
    from studies.warm_start import WarmStart
    from studies.worker import Worker

_BLOCK_S = 1.0  # that a block of trials should take, and after which it is brought back
_MOST_IN_BLOCK = 1024
_GROWTH = 8  # of a block, at most, beside the one before
_MOST_BLOCKS = 4  # whose turn has not come, before a worker waits
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5
_N_WAITS = 10  # for the trials before one's own, when a worker leaves
STOPPED = "stopped by its user"
CANCELLED = "it was cancelled"


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
    """Runs trials of one study until its budget is met, beside other workers or alone.

    Trials are known in the order of their numbers. Those that this worker has run but not brought
    back yet count as known when all before them are; the others, `_ahead`, only help this worker
    to place its own next ones.

    Parameters
    ----------
    study : optuna.Study
        The study in the database.
    ledger : Ledger
        Hands out its trials.
    strategy : Strategy
    pruner : Pruner
    warm_start : WarmStart, optional
        Weights that are tried after trial 0, before the strategy proposes.
    """

    def __init__(
        self,
        study: optuna.Study,
        ledger: Ledger,
        strategy: Strategy,
        pruner: Pruner,
        warm_start: WarmStart = NO_WARM_START,
    ) -> None:
        self._study = study
        self._ledger = ledger
        self._schedule = ledger.schedule
        self._strategy = strategy
        self.name = study.study_name
        self.problem = strategy.problem
        self._ranges = weight_distributions(self.problem.space)
        self._pruner = pruner
        self.warm_start = warm_start
        self._blocks: list[Block] = []
        self._stopper: Stopper | None = None
        self._patiently = Patience(Silence().say, lambda: False, longest_s=0.0)  # until it runs
        self._reload()

    @property
    def records(self) -> Sequence[FrozenTrial]:
        """Every known trial, in order."""
        return self._records

    @property
    def n_cases_scored(self) -> int:
        """Cases of the tuning sites that were scored, all trials together."""
        return sum(record.user_attrs.get("n_cases_scored", 0) for record in self.records)

    def run(
        self,
        stopper: Stopper,
        progress: Progress,
        is_stopped: Callable[[], bool] = lambda: False,
        *,
        waits: bool = True,
    ) -> str | None:
        """Run until the study has all trials of its budget, or a rule ends it sooner.

        Trial 0 always runs: without it nothing can be compared.

        Parameters
        ----------
        stopper : Stopper
        progress : Progress
        is_stopped : callable
            Asked after each trial; when it says yes, what has run is brought back.
        waits : bool
            Whether to stay while other workers run the last trials: when one dies, its trials
            are left.

        Returns
        -------
        str or None
            Why it ended, in words; None when there is nothing to run at the moment.
        """
        self._stopper, self._progress, self._is_stopped = stopper, progress, is_stopped
        self._patiently = Patience(progress.say, is_stopped)
        stopper.restart(feasible_value(record) for record in self._records[: self._n_settled])
        self._patiently(self._ledger.announce)
        try:
            return self._run(waits=waits)
        except (SQLAlchemyError, StorageInternalError):
            raise
        except BaseException:
            self._visit(leave=True)
            raise

    def _run(self, *, waits: bool) -> str | None:
        n_wanted, pause = 1, _FIRST_PAUSE_S
        is_told = False
        while True:
            pausing = self._pause()
            may_lease = not pausing and len(self._blocks) < _MOST_BLOCKS
            answer = self._visit(n_wanted if may_lease else None if pausing else 0)
            if answer.state is not SearchState.OPEN:
                return self._why_closed(answer)
            if not is_told:
                is_told = True
                self._tell(answer)
            if reason := self._end(answer.budget):
                closing = self._visit(end=reason, judged=answer.budget)
                if closing.state is SearchState.OPEN:  # its budget was raised this very moment
                    continue
                return reason
            if pausing:
                return self._leave(pausing, answer)
            block = next((one for one in self._blocks if one.number < one.stop), None)
            if block is None:
                if not waits and not self._blocks:
                    return None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            n_before, began = block.number, time.monotonic()
            self._run_block(block, answer.budget, began + _BLOCK_S)
            n_run = block.number - n_before
            pace = (time.monotonic() - began) / max(1, n_run)
            # The first trials say little: others wait for the end of a block that is too long.
            most = min(_MOST_IN_BLOCK, _GROWTH * n_run)
            n_wanted = max(1, min(most, int(_BLOCK_S / max(pace, 1e-6))))

    def _tell(self, answer: Answer) -> None:
        """Say what is not as one might expect."""
        n_places = max(answer.budget - self._schedule.n_given, 0)
        note = self._strategy.note(n_places) if n_places else None
        if note and answer.n_trials < self._schedule.limit(answer.budget):
            self._progress.say(note)

    def _why_closed(self, answer: Answer) -> str:
        if answer.state is SearchState.CANCELLED:
            return CANCELLED
        return str(self._patiently(lambda: self._study.user_attrs).get(STOP_REASON, "it ended"))

    def _leave(self, reason: str, answer: Answer) -> str:
        """Bring back what can be, and leave the rest to others."""
        for block in self._blocks:
            if block.number < block.stop < answer.n_leased:
                # what others have run behind it would be lost: some trials more, for all of them
                self._run_block(block, answer.budget, float("inf"), pauses=False)
        for _ in range(_N_WAITS):
            self._visit()
            if not self._blocks or not self._blocks[0].records:
                break  # what we shall not run any more keeps what comes after it
            time.sleep(_LONGEST_PAUSE_S)  # the blocks before ours are about to come back
        self._visit(leave=True, end=reason)
        return reason

    def _visit(
        self,
        n_wanted: int | None = None,
        *,
        leave: bool = False,
        end: str = "",
        judged: int | None = None,
    ) -> Answer:
        """Bring back and lease, and learn what others have brought back meanwhile."""
        answer = self._patiently(
            lambda: self._ledger.visit(self._blocks, n_wanted, leave=leave, end=end, judged=judged)
        )
        self._blocks = answer.kept
        if answer.is_lost:
            if answer.state is SearchState.OPEN:  # else they are not wanted any more
                self._progress.say(
                    "another worker had taken over some trials; going on from there"
                )
            self._reload()
        elif answer.n_trials > len(self._records):
            self._learn()
        return answer

    def catch_up(self) -> None:
        """Learn what others have brought back since."""
        self._learn()

    def _reload(self) -> None:
        """Take note of every finished trial, as if none had been seen before."""
        self._pruner.forget()
        self._strategy.forget()
        self._best: FrozenTrial | None = None
        self._records: list[FrozenTrial] = []
        self._tried: list[Tried] = []
        self._n_settled = 0
        if self._stopper:
            self._stopper.restart()
        self._learn()

    def _learn(self) -> None:
        """Take note of trials that others have brought back."""
        with reading(self.name):
            there = self._patiently(lambda: self._study.get_trials(deepcopy=False))
        new = there[len(self._records) :]
        check_records(self.name, new)
        for record in new:
            self._know(record)
        self._know_own()

    def _know_own(self) -> None:
        """Take note of own trials whose turn has come."""
        for block in self._blocks:
            for record in block.records:
                if record.number == len(self._records):
                    self._know(record)

    def _know(self, record: FrozenTrial) -> None:
        """Take note of the next trial; the first of equally good ones is the best."""
        self._records.append(record)
        self._tried.append(_tried(record))
        value = feasible_value(record)
        best = feasible_value(self._best) if self._best else None
        if value is not None and (best is None or value > best):
            self._best = record
        n_settled = self._schedule.batch_begin(len(self._records))
        while self._n_settled < n_settled:
            self._settle(self._records[self._n_settled])
            self._n_settled += 1

    def _settle(self, record: FrozenTrial) -> None:
        """Let a trial count for what comes after it."""
        value = feasible_value(record)
        self._pruner.saw(record, value)
        if self._stopper:
            self._stopper.saw(value)

    def _end(self, budget: int) -> str | None:
        """Say why the study is finished, from what does not depend on the number of workers."""
        n_known, limit = len(self._records), self._schedule.limit(budget)
        if n_known >= limit:
            spent = limit == budget
            return f"all {budget} trials done" if spent else self._strategy.ended(self._tried)
        if self._n_settled < self._schedule.n_given or not self._stopper:
            return self._stopper.reason() if self._stopper and n_known else None
        is_all = self._n_settled == n_known
        settled = self._tried if is_all else self._tried[: self._n_settled]
        return self._strategy.ended(settled) or self._stopper.reason()

    def _pause(self) -> str | None:
        """Say why this run ends, though the study may go on."""
        if self._is_stopped():
            return STOPPED
        return self._stopper.out_of_time() if self._stopper and self._records else None

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

    def _first(self) -> FrozenTrial:
        first = self._records[0]
        if first.state is not TrialState.COMPLETE:
            raise StudyError(
                f"study {self.name!r}: trial 0 (the current weights) failed; "
                "start another study with --study-name NAME"
            )
        return first

    def _run_block(self, block: Block, budget: int, until: float, *, pauses: bool = True) -> None:
        """Run trials of a block until it is done, the time is over or the study should end."""
        while block.number < block.stop:
            for finished in self._next(block):
                self._add(block, finished)
                self._progress.trial(len(self._records), budget, self.best().value)
                if self._end(budget) or (pauses and self._pause()):
                    return
            if time.monotonic() >= until:
                return

    def _add(self, block: Block, finished: Finished, failure: str = "") -> None:
        lane = self._schedule.lane(block.number, block.lane)
        baseline = critical_by_kind(self._first()) if self._records else {}
        allowed = self.problem.allowed(baseline)
        record = to_record(finished, self._ranges, allowed, lane, failure)
        record.number = block.number
        block.records.append(record)
        self._know_own()

    def _history(self, number: int) -> Sequence[Tried]:
        """Return the trials that the place of a trial may depend on."""
        if self._schedule.batch_size is not None:
            return self._tried[: self._schedule.batch_begin(number)]
        ahead = [
            _tried(record)
            for block in self._blocks
            for record in block.records
            if record.number >= len(self._records)
        ]
        return [*self._tried, *ahead] if ahead else self._tried

    def _next(self, block: Block) -> Iterable[Finished]:
        """Run the next trial, or the next few where the strategy places several at once."""
        number, problem, pruner = block.number, self.problem, self._pruner
        if number == 0:
            return [self._run_trial(block, problem.proposal(problem.current, BASELINE))]
        if number < self._schedule.n_given:
            weights = self.warm_start.weights[number - 1]
            origin = f"{WARM_START}: {self.warm_start.source}"
            return [self._run_trial(block, problem.proposal(weights, origin), pruner.begin())]
        lane = self._schedule.lane(number, block.lane)
        if self._strategy.places_many and isinstance(pruner, BatchPruner):
            end = min(block.stop, pruner.batch_ends_before(number))
            turn = Turn(range(number, end), lane)
            proposals = self._strategy.proposals(self._history(number), turn)
            is_spared = any(one.teaches for one in proposals)
            return self._run_at_once(
                block, proposals, float("-inf") if is_spared else pruner.floor
            )
        turn = Turn(range(number, number + 1), lane)
        (proposal,) = self._strategy.proposals(self._history(number), turn)
        return [self._run_trial(block, proposal, self._judge_of(proposal))]

    def _judge_of(self, proposal: Proposal) -> RungReport:
        """Return what stops a trial; a bound saves cases, not at the cost of what is learned."""
        if proposal.teaches and isinstance(self._pruner, BatchPruner):
            return never_stop
        return self._pruner.begin()

    def _run_at_once(
        self, block: Block, proposals: Sequence[Proposal], floor: float
    ) -> Sequence[Finished]:
        started = datetime.now()  # noqa: DTZ005 - Optuna stores local times
        try:
            evaluated = self.problem.objective.evaluate_many(
                [one.weights for one in proposals], floor
            )
        except Exception:
            for proposal in proposals:  # one at a time the trial at fault shows
                self._add(block, self._run_trial(block, proposal))
            raise
        ended = datetime.now()  # noqa: DTZ005
        return [
            Finished(
                _state(full.valuation), *proposal[:3], full.valuation, full.rungs, started, ended
            )
            for proposal, full in zip(proposals, evaluated, strict=True)
        ]

    def _run_trial(
        self, block: Block, proposal: Proposal, report: RungReport = never_stop
    ) -> Finished:
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
            self._add(block, finished(TrialState.FAIL, None), traceback.format_exc())
            raise
        return finished(_state(valuation), valuation)


def make_runner(
    storage: RDBStorage,
    study: optuna.Study,
    worker: Worker,
    strategy: Strategy,
    pruner: Pruner,
    *,
    warm_start: WarmStart = NO_WARM_START,
    batch_size: int | None = None,
) -> StudyRunner:
    """Build the runner of a study that `studies.ledger.offer` has opened.

    Parameters
    ----------
    storage : RDBStorage
        Where the study is.
    study : optuna.Study
    worker : Worker
    strategy : Strategy
    pruner : Pruner
    warm_start : WarmStart, optional
    batch_size : int, optional
        Trials that are placed together, in a synchronous study.
    """
    schedule = Schedule(
        1 + len(warm_start.weights),
        strategy.n_places,
        batch_size,
        isinstance(pruner, SequentialPruner),
    )
    ledger = Ledger(storage, study.study_name, worker, schedule)
    return StudyRunner(study, ledger, strategy, pruner, warm_start)


def stopped_at(runner: StudyRunner, budget: int) -> str:
    """Say how far a study is, and how it goes on."""
    n_known = len(runner.records)
    return (
        f"study {runner.name!r} is stopped at {n_known} of {budget} trials; the same command goes "
        "on from there"
    )


def _tried(record: FrozenTrial) -> Tried:
    """Return a record as strategies see it."""
    return Tried(
        record.number,
        lane_of_record(record),
        weights_of_record(record),
        coordinates_of_record(record),
        origin_of_record(record),
        record.value if record.state is TrialState.COMPLETE else None,
        record.value,
        record.intermediate_values,
        record.constraints,
    )


def _state(valuation: Valuation) -> TrialState:
    is_complete = valuation.critical_errors is not None
    return TrialState.COMPLETE if is_complete else TrialState.PRUNED
