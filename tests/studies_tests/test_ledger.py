from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import optuna
import pytest
import sqlalchemy as sa
from optuna.storages._rdb import models

from engine.errors import StudyError
from studies import directory
from studies.ledger import Answer, Block, Ledger, SearchState, offer
from studies.ledger_tables import LEASES, SEARCHES
from studies.schedule import Schedule
from studies.storage import open_storage, quiet_optuna
from tests.studies_tests.crew import FakeWorker, Trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

    from tests.postgres import Server

_TRIALS: sa.Table = models.TrialModel.__table__
_VALUES: sa.Table = models.TrialValueModel.__table__
FREE = Schedule()  # each trial placed by what is there


class Lease(NamedTuple):
    first: int
    stop: int
    worker_id: int | None


class Crew:
    """Workers of one study that is not synchronous, unless it is said otherwise."""

    def __init__(self, storage: RDBStorage) -> None:
        self.storage = storage
        self.name = f"study {len(optuna.get_all_study_names(storage))}"
        self.study = optuna.create_study(
            storage=storage, study_name=self.name, direction="maximize"
        )
        self.gone: set[int] = set()
        self.trials = Trials()

    def offer(self, budget: int) -> None:
        offer(self.storage, self.name, budget)

    def ledger(self, number: int, schedule: Schedule = FREE) -> Ledger:
        return Ledger(self.storage, self.name, FakeWorker(number, self.gone), schedule)

    def run(self, block: Block, n_trials: int | None = None) -> list[FrozenTrial]:
        """Run some of a block, all that is left unless said otherwise."""
        n_left = block.stop - block.number
        ran = self.trials(n_left if n_trials is None else n_trials)
        block.records += ran
        return ran

    def begin(self, *ledgers: Ledger) -> None:
        """Bring back trial 0, as the first of them."""
        answer = ledgers[0].visit([], 1)
        self.run(answer.kept[0])
        ledgers[0].visit(answer.kept)

    @property
    def values(self) -> list[float]:
        """Values of the trials in the database, which tell them apart."""
        query = (
            sa.select(_TRIALS.c.number, _VALUES.c.value)
            .join(_VALUES, _VALUES.c.trial_id == _TRIALS.c.trial_id)
            .where(_TRIALS.c.study_id == self.study._study_id)
            .order_by(_TRIALS.c.trial_id)
        )
        with self.storage.engine.connect() as connection:
            rows = connection.execute(query).all()
        assert [row.number for row in rows] == list(range(len(rows)))
        return [row.value for row in rows]

    @property
    def leases(self) -> list[Lease]:
        query = sa.select(LEASES.c.first, LEASES.c.stop, LEASES.c.worker_id)
        query = query.where(LEASES.c.study_id == self.study._study_id)
        with self.storage.engine.connect() as connection:
            rows = connection.execute(query.order_by(LEASES.c.first)).all()
        return [Lease(*row) for row in rows]

    @property
    def state(self) -> str:
        ours = SEARCHES.c.study_id == self.study._study_id
        with self.storage.engine.connect() as connection:
            return str(connection.scalar(sa.select(SEARCHES.c.state).where(ours)))


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RDBStorage]:
    """A database for all tests: making one takes longer than the tests do."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.new_database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'studies.db'}"
    with quiet_optuna():
        opened = open_storage(url)
        yield opened
        opened.engine.dispose()


@pytest.fixture
def crew(storage: RDBStorage) -> Crew:
    made = Crew(storage)
    made.offer(20)
    return made


def values(trials: list[FrozenTrial]) -> list[float]:
    return [trial.value or 0.0 for trial in trials]


def spans(answer: Answer) -> list[tuple[int, int, int]]:
    return [(block.first, block.stop, len(block.records)) for block in answer.kept]


def test_a_block_that_comes_back_early_waits_until_its_turn(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    first, second = one.visit([], 3), two.visit([], 2)
    assert spans(first) == [(1, 4, 0)]
    assert spans(second) == [(4, 6, 0)]
    early = crew.run(second.kept[0])
    second = two.visit(second.kept, 2)
    assert spans(second) == [(4, 6, 2), (6, 8, 0)]  # it has something to run meanwhile
    assert len(crew.values) == second.n_trials == 1
    ran = crew.run(first.kept[0])
    assert one.visit(first.kept).kept == []
    assert crew.values[1:] == values(ran)
    second = two.visit(second.kept)
    assert spans(second) == [(6, 8, 0)]
    assert crew.values[4:] == values(early)
    assert crew.leases == [(6, 8, 2)]


def test_a_block_may_be_brought_back_in_parts(crew: Crew) -> None:
    one = crew.ledger(1)
    crew.begin(one)
    (block,) = one.visit([], 4).kept
    part = crew.run(block, 3)
    answer = one.visit([block], 4)
    assert spans(answer) == [(4, 5, 0)]
    assert answer.n_trials == 4
    rest = crew.run(answer.kept[0])
    assert spans(one.visit(answer.kept, 4)) == [(5, 9, 0)]
    assert crew.values[1:] == values(part + rest)


@pytest.mark.parametrize("n_ran", [0, 1, 2])
@pytest.mark.parametrize("n_wanted", [None, 0, 2])
def test_a_visit_of_which_nothing_was_heard_can_be_made_again(
    n_ran: int, n_wanted: int | None, crew: Crew
) -> None:
    """The commit has happened, the connection was lost before it was said."""
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    (block,) = one.visit([], 2).kept
    ran = crew.run(block, n_ran)
    lost = lose_the_next_answer(crew.storage)
    with pytest.raises(ConnectionError):
        one.visit([block], n_wanted)
    assert lost.is_set()
    there, leases = crew.values, crew.leases
    again = one.visit([block], n_wanted)
    assert not again.is_lost
    assert crew.values == there
    assert crew.values[1:] == values(ran)
    assert crew.leases == leases
    assert spans(again) == [(lease.first, lease.stop, 0) for lease in leases]
    for block in again.kept:
        crew.run(block)
    assert one.visit(again.kept).kept == []
    assert two.visit([], 1).kept  # nothing is held by nobody


def lose_the_next_answer(storage: RDBStorage) -> threading.Event:
    """Let the next transaction that writes commit, and lose the connection after it."""
    lost = threading.Event()
    commit = storage.engine.dialect.do_commit

    def commit_unheard(connection: Any) -> None:
        commit(connection)
        storage.engine.dialect.do_commit = commit  # type: ignore[method-assign]
        lost.set()
        raise ConnectionError

    storage.engine.dialect.do_commit = commit_unheard  # type: ignore[method-assign,assignment]
    return lost


def test_the_trials_of_a_dead_worker_are_run_by_another_with_the_same_numbers(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    (first,) = one.visit([], 3).kept
    (second,) = two.visit([], 3).kept
    crew.run(second)
    crew.run(first, 1)
    (rest,) = one.visit([first]).kept
    crew.gone.add(1)
    answer = two.visit([second], 0)  # it has none left to run: those of the dead
    assert spans(answer) == [(2, 4, 0), (4, 7, 3)]
    ran = crew.run(answer.kept[0])
    assert two.visit(answer.kept).kept == []
    assert crew.values[2:4] == values(ran)
    assert len(crew.values) == 7
    assert crew.leases == []
    assert rest.first == 2


@pytest.mark.parametrize("is_written", [False, True])
def test_whoever_was_taken_for_dead_writes_nothing(is_written: bool, crew: Crew) -> None:
    """His trials are another's, also before that one has brought them back."""
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    (block,) = one.visit([], 3).kept
    crew.run(block, 2)
    crew.gone.add(1)
    (taken,) = two.visit([], 5).kept
    assert (taken.first, taken.stop) == (1, 4)
    crew.gone.clear()
    ran = crew.run(taken)
    if is_written:
        two.visit([taken])
    answer = one.visit([block], 2)
    assert answer.is_lost
    assert spans(answer) == [(4, 6, 0)]
    if not is_written:
        assert len(crew.values) == 1
        two.visit([taken])
    assert crew.values[1:] == values(ran)
    assert not one.visit(answer.kept).is_lost


def test_trials_that_arrived_unheard_count_and_the_rest_may_be_another_s(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    (block,) = one.visit([], 4).kept
    ran = crew.run(block, 2)
    one.visit([block])  # and nothing was heard of it
    crew.gone.add(1)
    assert spans(two.visit([], 1)) == [(3, 5, 0)]
    answer = one.visit([block], 1)
    assert answer.is_lost
    assert spans(answer) == [(5, 6, 0)]
    assert crew.values[1:] == values(ran)


def test_nobody_is_taken_for_dead_who_is_not(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    (block,) = one.visit([], 1).kept
    for n_wanted in (None, 0, 1):
        assert two.visit([], n_wanted).kept == []
    crew.run(block)
    assert not one.visit([block]).is_lost


def test_who_leaves_brings_back_what_can_be_and_leaves_the_rest_to_others(crew: Crew) -> None:
    one, two, three = (crew.ledger(number) for number in (1, 2, 3))
    crew.begin(one)
    (first,) = one.visit([], 3).kept
    (second,) = two.visit([], 3).kept
    ran = crew.run(first, 1)
    crew.run(second)
    assert one.visit([first], leave=True, end="enough").kept == []
    assert two.visit([second], leave=True).kept == []
    assert crew.values[1:] == values(ran)
    assert crew.leases == [(2, 4, None), (4, 7, None)]
    assert crew.state == SearchState.OPEN
    assert crew.study.user_attrs["stop_reason"] == "enough"
    assert spans(three.visit([], 9)) == [(2, 4, 0)]
    assert spans(one.visit([], 9)) == [(4, 7, 0)]


def test_the_end_closes_a_study_and_drops_every_lease(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    first, second = one.visit([], 2), two.visit([], 2)
    crew.run(first.kept[0])
    answer = one.visit(first.kept, end="good enough")
    assert (answer.state, answer.kept) == (SearchState.FINISHED, [])
    assert crew.leases == []
    crew.run(second.kept[0])
    late = two.visit(second.kept, 3)
    assert (late.state, late.kept, late.n_trials) == (SearchState.FINISHED, [], 3)
    assert len(crew.values) == 3
    assert crew.study.user_attrs["stop_reason"] == "good enough"


def test_a_cancelled_study_takes_what_has_run_and_hands_out_no_more(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    answer = one.visit([], 3)
    ran = crew.run(answer.kept[0], 2)
    directory.cancel(crew.storage, crew.name)
    answer = one.visit(answer.kept, 3)
    assert (answer.state, answer.kept) == (SearchState.CANCELLED, [])
    assert crew.values[1:] == values(ran)
    assert two.visit([], 3).kept == []
    with pytest.raises(StudyError, match="not open"):
        directory.cancel(crew.storage, crew.name)


def test_a_study_that_is_offered_again_goes_on_where_it_stopped(crew: Crew) -> None:
    one, two = crew.ledger(1), crew.ledger(2)
    crew.begin(one)
    answer = one.visit([], 3)
    crew.run(answer.kept[0], 1)
    directory.cancel(crew.storage, crew.name)
    one.visit(answer.kept)
    crew.offer(6)
    answer = two.visit([], 9)
    assert (answer.state, answer.budget) == (SearchState.OPEN, 6)
    assert spans(answer) == [(2, 4, 0)]
    crew.run(answer.kept[0])
    answer = two.visit(answer.kept, 9)
    assert spans(answer) == [(4, 6, 0)]
    crew.run(answer.kept[0])
    assert two.visit(answer.kept, 9).kept == []
    two.visit([], end="all 6 trials done")
    crew.offer(7)
    assert spans(one.visit([], 9)) == [(6, 7, 0)]


def test_a_study_that_was_deleted_meanwhile_is_one_line(crew: Crew) -> None:
    one = crew.ledger(1)
    answer = one.visit([], 1)
    crew.run(answer.kept[0])
    directory.delete(crew.storage, crew.name)
    with pytest.raises(StudyError, match=f"^study '{crew.name}' was deleted meanwhile$"):
        one.visit(answer.kept)
    assert crew.leases == []
    assert crew.state == "None"


def test_a_study_does_not_inherit_what_was_leased_of_one_with_its_id(crew: Crew) -> None:
    """Optuna's dashboard deletes studies without the leases; SQLite uses their ids again."""
    one = crew.ledger(1)
    crew.begin(one)
    one.visit([], 5)
    crew.gone.add(1)
    optuna.delete_study(study_name=crew.name, storage=crew.storage)
    later = Crew(crew.storage)
    later.offer(3)
    assert spans(later.ledger(2).visit([], 5)) == [(0, 1, 0)]


def test_a_study_that_was_never_offered_says_so(crew: Crew) -> None:
    other = Crew(crew.storage)
    with pytest.raises(StudyError, match=f"'{other.name}' was never submitted"):
        other.ledger(1).visit([], 1)


def test_a_damaged_state_is_one_line(crew: Crew) -> None:
    with crew.storage.engine.begin() as connection:
        connection.execute(sa.update(SEARCHES).values(state="\x1b[2J"))
    with pytest.raises(StudyError, match=f"^study '{crew.name}' cannot be read") as refused:
        crew.ledger(1).visit([], 1)
    assert str(refused.value).isprintable()


def test_each_worker_at_work_has_a_lane_of_its_own(crew: Crew) -> None:
    one, two, three = (crew.ledger(number) for number in (1, 2, 3))
    crew.begin(one)
    first, second = one.visit([], 2), two.visit([], 2)
    assert [first.kept[0].lane, second.kept[0].lane] == [0, 1]
    crew.run(first.kept[0])
    first = one.visit(first.kept, 2)
    assert first.kept[0].lane == 0
    crew.run(second.kept[0])
    second = two.visit(second.kept, 2)
    assert second.kept[0].lane == 1
    assert three.visit([], 2).kept[0].lane == 2
    crew.gone.add(1)
    assert three.visit([], 2).kept[0].lane == 0  # that of the trials it takes over


def test_studies_do_not_see_each_other_s_leases(crew: Crew) -> None:
    other = Crew(crew.storage)
    other.offer(5)
    here, there = crew.ledger(1), other.ledger(2)
    crew.begin(here)
    assert spans(there.visit([], 3)) == [(0, 1, 0)]
    assert spans(here.visit([], 3)) == [(1, 4, 0)]
    crew.gone.add(1)
    assert spans(other.ledger(3).visit([], 3)) == []
