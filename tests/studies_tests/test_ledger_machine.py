"""Whatever workers do, and in whatever order: every trial is there once, and none is missing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from studies import directory
from studies.ledger import Answer, Block, Ledger, SearchState
from studies.schedule import Schedule
from studies.storage import open_storage, quiet_optuna
from tests.studies_tests.test_ledger import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.storages import RDBStorage

_MOST_BUDGET = 40
_MOST_ROUNDS = 300
SELDOM = st.integers(0, 5)  # 0 means that it happens


@dataclass
class Hand:
    """A worker as the machine plays it.

    Attributes
    ----------
    number : int
    ledger : Ledger
    blocks : list of Block
    unheard : tuple or None
        The visit of which it has heard nothing: it can only make it again.
    may_lose : bool
        Whether others may have taken over its trials.
    """

    number: int
    ledger: Ledger
    blocks: list[Block] = field(default_factory=list)
    unheard: tuple[int | None, bool] | None = None
    may_lose: bool = False


class Machine(RuleBasedStateMachine):
    """Several workers of one study, who die, come back, hear nothing, leave and join."""

    storage: RDBStorage

    @initialize(
        schedule=st.builds(
            Schedule,
            st.integers(1, 4),
            st.none() | st.integers(5, 25),
            st.none() | st.integers(1, 9),
            st.booleans(),
        ),
        budget=st.integers(1, 5) | st.integers(10, _MOST_BUDGET),
    )
    def begin(self, schedule: Schedule, budget: int) -> None:
        self.crew = Crew(self.storage)
        self.schedule = schedule
        self.hands: list[Hand] = []
        self.there: list[float] = []
        self.n_workers = 0
        self.offered = budget
        self.crew.offer(budget)
        for _ in range(3):
            self.join()

    @rule()
    def join(self) -> None:
        if len(self.hands) < 4:
            self.n_workers += 1
            self.hands.append(
                Hand(self.n_workers, self.crew.ledger(self.n_workers, self.schedule))
            )

    @precondition(lambda self: self.hands)
    @rule(n_wanted=st.none() | st.integers(0, 9), data=st.data())
    def visit(self, n_wanted: int | None, data: st.DataObject) -> None:
        hand = self._some(data)
        self._visit(hand, *(hand.unheard or (n_wanted, False)))

    @precondition(lambda self: self.hands)
    @rule(n_wanted=st.none() | st.integers(0, 9), leaves=SELDOM, data=st.data())
    def visit_and_hear_nothing(
        self, n_wanted: int | None, leaves: int, data: st.DataObject
    ) -> None:
        hand = self._some(data)
        hand.unheard = hand.unheard or (n_wanted, leaves == 0)
        n_wanted, is_leaving = hand.unheard
        copies = [replace(block, records=[*block.records]) for block in hand.blocks]
        hand.ledger.visit(copies, n_wanted, leave=is_leaving)
        hand.may_lose |= is_leaving or self.crew.state != SearchState.OPEN

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def run_and_visit(self, data: st.DataObject) -> None:
        """What a worker does when nothing happens."""
        self._run_and_visit(self._some(data))

    @precondition(lambda self: self.hands)
    @rule(n_trials=st.integers(1, 9), data=st.data())
    def run_some(self, n_trials: int, data: st.DataObject) -> None:
        hand = self._some(data)
        open_ = [block for block in hand.blocks if block.number < block.stop]
        if open_ and not hand.unheard:
            self.crew.run(open_[0], min(n_trials, open_[0].stop - open_[0].number))

    @precondition(lambda self: self.hands)
    @rule(really=SELDOM, data=st.data())
    def leave(self, really: int, data: st.DataObject) -> None:
        hand = self._some(data)
        if really == 0 and not hand.unheard:
            assert self._visit(hand, None, leaves=True).kept == []

    @precondition(lambda self: self.hands)
    @rule(really=SELDOM, data=st.data())
    def die(self, really: int, data: st.DataObject) -> None:
        hand = self._some(data)
        if really == 0:
            self.hands.remove(hand)
            self.crew.gone.add(hand.number)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def be_taken_for_dead_or_found_alive(self, data: st.DataObject) -> None:
        hand = self._some(data)
        hand.may_lose = True
        self.crew.gone ^= {hand.number}

    @rule(really=SELDOM)
    def cancel(self, really: int) -> None:
        if really == 0 and self.crew.state == SearchState.OPEN:
            directory.cancel(self.storage, self.crew.name)

    @rule(more=st.integers(0, 5))
    def offer_again(self, more: int) -> None:
        self.offered = min(self.offered + more, _MOST_BUDGET)
        self.crew.offer(self.offered)

    @invariant()
    def trials_come_behind_and_leases_follow_without_a_gap(self) -> None:
        values = self.crew.values  # it checks their numbers
        assert values[: len(self.there)] == self.there
        assert len({*values}) == len(values)
        assert len(values) <= self.schedule.limit(self.offered)
        self.there = values
        leases = self.crew.leases
        begins = [len(values), *(lease.stop for lease in leases)]
        assert [lease.first for lease in leases] == begins[:-1]

    def teardown(self) -> None:
        """Whoever is left ends the study with exactly its trials."""
        if not hasattr(self, "hands"):
            return
        self.crew.offer(self.offered)
        self.join()
        # Whoever lives takes his lock again (`ProcessLocks.keep`): all taken for dead for ever
        # would take the trials from each other.
        self.crew.gone -= {hand.number for hand in self.hands}
        limit = self.schedule.limit(self.offered)
        for _ in range(_MOST_ROUNDS):
            if len(self.there) >= limit:
                break
            for hand in self.hands:
                self._run_and_visit(hand)
                self.trials_come_behind_and_leases_follow_without_a_gap()
        assert len(self.there) == limit
        for hand in self.hands:
            assert self._visit(hand, 3).kept == []
        assert self.crew.leases == []

    def _some(self, data: st.DataObject) -> Hand:
        return data.draw(st.sampled_from(self.hands))

    def _run_and_visit(self, hand: Hand) -> None:
        for block in hand.blocks:
            if not hand.unheard:
                self.crew.run(block)
        self._visit(hand, *(hand.unheard or (3, False)))

    def _visit(self, hand: Hand, n_wanted: int | None, leaves: bool = False) -> Answer:  # noqa: FBT002
        before = [block for block in hand.blocks if block.records]
        answer = hand.ledger.visit(hand.blocks, n_wanted, leave=leaves)
        hand.blocks, hand.unheard = answer.kept, None
        assert answer.n_trials == len(self.crew.values)
        assert hand.may_lose or not answer.is_lost
        for block in hand.blocks:
            assert answer.n_trials >= min(block.first, self.schedule.n_given)
            if self.schedule.batch_size and block.first >= self.schedule.n_given:
                assert answer.n_trials >= self.schedule.batch_begin(block.first)
            assert block.records == [] or block in before
        return answer


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
def test_every_trial_is_there_once_whatever_workers_do(tmp_path: Path) -> None:
    with quiet_optuna():
        Machine.storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=40,
                    stateful_step_count=30,
                    deadline=None,
                    derandomize=True,
                    phases=[Phase.explicit, Phase.generate],  # to shrink takes minutes
                    suppress_health_check=[*HealthCheck],
                ),
            )
        finally:
            Machine.storage.engine.dispose()
