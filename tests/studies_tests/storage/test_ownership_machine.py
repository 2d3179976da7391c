"""Whatever owners do, and in whatever order: every trial is there once, and none is missing."""

from __future__ import annotations

from pathlib import Path

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
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from studies.storage import study_queue
from studies.storage.database import open_storage, quiet_optuna
from studies.storage.ownership import Ownership, StudyTakenError
from studies.storage.study_table import StudyState
from tests.studies_tests.storage.test_ownership import NOTHING, Place, unheard_commits
from tests.studies_tests.storage.writing import lose_lock

BUDGETS = st.integers(1, 12)
NO_SHRINKING = [Phase.explicit, Phase.generate]  # which takes minutes
SETTINGS = settings(
    max_examples=12, stateful_step_count=30, deadline=None, derandomize=True,
    phases=NO_SHRINKING, suppress_health_check=[*HealthCheck],
)  # fmt: skip


class Hand:
    """A process that owns the study, or did and has not heard that it does no more."""

    def __init__(self, ownership: Ownership, n_there: int) -> None:
        self.ownership, self.n_there = ownership, n_there
        self.ran: list[FrozenTrial] = []  # after those that it knows to be written


class Machine(RuleBasedStateMachine):
    """Owners of one study who die, lose their lock, or hear nothing of a commit."""

    storage: RDBStorage

    @initialize()
    def begin(self) -> None:
        self.place = Place(self.storage)
        self.hands: list[Hand] = []
        self.holder: Hand | None = None  # of the lock
        self.owner: Hand | None = None  # who took it last
        self.there: list[float | None] = []
        self.state, self.budget = StudyState.OPEN, 20

    @rule()
    def come(self) -> None:
        if self.holder:
            with pytest.raises(StudyTakenError, match="is run by process"):
                self.place.own()
            return
        self.holder = self.owner = Hand(self.place.own(), len(self.there))
        self.hands.append(self.holder)

    @precondition(lambda self: self.hands)
    @rule(n_trials=st.integers(0, 5), is_heard=st.booleans(), data=st.data())
    def run_and_write(self, n_trials: int, is_heard: bool, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.hands))
        hand.ran += self.place.trials(n_trials)
        if hand is not self.owner:
            with pytest.raises(StudyTakenError, match="this one has written nothing since"):
                hand.ownership.write(hand.ran, hand.n_there, NOTHING)
            self.hands.remove(hand)
            hand.ownership.close()
        elif is_heard:
            standing = hand.ownership.write(hand.ran, hand.n_there, NOTHING)
            assert standing == (self.state, self.budget)
            self.there = [*self.there[: hand.n_there], *(trial.value for trial in hand.ran)]
            hand.n_there, hand.ran = len(self.there), []
        else:  # it runs on, and writes all of it again
            with unheard_commits(self.storage):
                hand.ownership.write(hand.ran, hand.n_there, NOTHING)
            self.there += self.place.values[len(self.there) :]
            n_new = len(self.there) - hand.n_there
            assert self.there[hand.n_there :] == [trial.value for trial in hand.ran[:n_new]]

    @precondition(lambda self: self.owner in self.hands)
    @rule(budget=st.none() | BUDGETS)
    def end(self, budget: int | None) -> None:
        assert self.owner
        if self.state is StudyState.OPEN and budget == self.budget:
            self.state = StudyState.FINISHED
        assert self.owner.ownership.end("enough", budget) == (self.state, self.budget)

    @precondition(lambda self: self.holder)
    @rule()
    def die_or_lose_the_lock(self) -> None:
        """Who is dead is one that does nothing more."""
        assert self.holder
        lose_lock(self.holder.ownership)
        self.holder = None

    @rule(budget=BUDGETS)
    def offer_again_or_cancel(self, budget: int) -> None:
        if self.state is StudyState.OPEN and budget < 4:
            self.state = StudyState.CANCELLED
            return study_queue.cancel(self.storage, self.place.name)
        self.state, self.budget = StudyState.OPEN, budget
        return study_queue.offer(self.storage, self.place.name, budget)

    @invariant()
    def every_trial_is_there_once(self) -> None:
        assert self.place.values == self.there  # it checks their numbers
        assert len({*self.there}) == len(self.there)
        assert self.place.row.state == self.state

    def teardown(self) -> None:
        for hand in getattr(self, "hands", []):
            hand.ownership.close()


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.parametrize("way", ["in bulk", pytest.param("one by one", marks=pytest.mark.slow)])
def test_every_trial_is_there_once_whatever_owners_do(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "one by one":
        monkeypatch.setattr("studies.storage.ownership.bulk_tables", lambda: None)
    with quiet_optuna():
        Machine.storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
        run_state_machine_as_test(Machine, settings=SETTINGS)
        Machine.storage.engine.dispose()
