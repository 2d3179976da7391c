"""Who owns a study writes its trials, each once and in order; nobody else writes any."""

from __future__ import annotations

import itertools
import os
import platform
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import sqlalchemy as sa

from studies.search import create
from studies.storage import study_queue
from studies.storage.database import open_storage, quiet_optuna
from studies.storage.ownership import Ownership, Standing, StudyTakenError, Summary
from studies.storage.study_table import STUDIES, StudyState
from support.errors import StudyError
from support.process_locks import ProcessLocks
from tests.conftest import ROOT
from tests.studies_tests.storage.writing import Trials, lose_lock, rows_of, values_of, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

    from tests.postgres import Server

NUMBERS = itertools.count()
NOTHING = Summary(None, None, None)
ME = f"process {os.getpid()} on {platform.node()}"
both = pytest.mark.parametrize(
    "storage",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module")
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RDBStorage]:
    """A database for all tests: making one takes longer than the tests do."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.new_database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('owned') / 'studies.db'}"
    with quiet_optuna():
        opened = open_storage(url)
        yield opened
        opened.engine.dispose()


class Place:
    """A study of 20 trials, and those who own it in turn."""

    def __init__(self, storage: RDBStorage) -> None:
        self.storage = storage
        self.name = f"study {next(NUMBERS)}"
        self.study = create(self.name, storage)
        self.trials = Trials()
        study_queue.offer(storage, self.name, 20)

    def own(self) -> Ownership:
        return Ownership(self.storage, self.study)

    @property
    def there(self) -> list[FrozenTrial]:
        there = optuna.load_study(study_name=self.name, storage=self.storage).trials
        assert [trial.number for trial in there] == list(range(len(there)))
        return there

    @property
    def values(self) -> list[float | None]:
        return values_of(self.there)

    @property
    def row(self) -> sa.Row[Any]:
        with self.storage.engine.connect() as connection:
            return connection.execute(
                sa.select(STUDIES).where(STUDIES.c.study_name == self.name)
            ).one()


@pytest.fixture
def place(storage: RDBStorage) -> Place:
    return Place(storage)


@pytest.fixture(params=["in bulk", "one by one"])
def place_both_ways(
    request: pytest.FixtureRequest, place: Place, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A study whose trials are written straight into the tables, or by Optuna alone."""
    if request.param == "one by one":
        monkeypatch.setattr("studies.storage.ownership.bulk_tables", lambda: None)
    return place


@both
def test_a_second_owner_is_refused_with_the_first_one_s_name(place: Place) -> None:
    with place.own(), pytest.raises(StudyTakenError) as refused:
        place.own()
    assert str(refused.value) == (
        f"study {place.name!r} is run by {ME}; `radtune status` shows how far it is"
    )
    assert refused.value.exit_code == 5
    place.own().close()


@both
def test_a_lock_that_somebody_looks_at_is_taken_a_moment_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks whether a study is run holds its lock for a moment."""
    take, looks = ProcessLocks.take, iter([False])
    monkeypatch.setattr(
        ProcessLocks,
        "take",
        lambda locks, number: next(looks, None) is None and take(locks, number),
    )
    with place.own(), pytest.raises(StudyTakenError):
        place.own()


@both
def test_trials_and_how_far_it_is_are_written_together(place_both_ways: Place) -> None:
    place = place_both_ways
    first, second = place.trials(3), place.trials(2)
    with place.own() as ownership:
        assert ownership.write(first, 0, Summary(0.1, 0.2, None)) == Standing(StudyState.OPEN, 20)
        ownership.write(second, 3, Summary(0.1, 0.3, 7.5))
    assert place.values == values_of(first + second)
    row = place.row
    assert (row.n_trials, row.baseline_value, row.best_value, row.trials_per_s) == (
        *(5, 0.1, 0.3, 7.5),
    )
    assert (row.host, row.pid) == (platform.node(), os.getpid())


@both
def test_whoever_was_taken_for_dead_writes_nothing(place_both_ways: Place) -> None:
    place = place_both_ways
    old, trials = place.own(), place.trials(3)
    old.write(trials[:1], 0, NOTHING)
    lose_lock(old)
    with place.own() as new, old:
        for late in (
            lambda: old.write(place.trials(2), 1, NOTHING),
            lambda: old.end("enough"),
            old.delete,
        ):
            before = rows_of(place.storage)
            with pytest.raises(StudyTakenError) as refused:
                late()
            assert rows_of(place.storage) == before
        new.write(trials[1:], 1, NOTHING)
    assert str(refused.value) == (
        f"study {place.name!r} is run by {ME} now; this one has written nothing since"
    )
    assert place.values == values_of(trials)


@both
@pytest.mark.parametrize("first_number", [0, 1, 3])
def test_trials_that_are_not_the_next_ones_are_refused(
    first_number: int, place_both_ways: Place
) -> None:
    place = place_both_ways
    with place.own() as ownership:
        ownership.write(place.trials(1), 0, NOTHING)
        write(place.storage, place.trials(1), place.name)  # by another program
        before = rows_of(place.storage)
        for n_trials in (0, 1, 2, 4):
            said = f"has 2 trials where {first_number} .* another program has written to it"
            with pytest.raises(StudyTakenError, match=said):
                ownership.write(place.trials(n_trials), first_number, NOTHING)
        assert rows_of(place.storage) == before


@contextmanager
def unheard_commits(storage: RDBStorage) -> Iterator[None]:
    """Let transactions commit, and lose the connection after it."""
    commit = storage.engine.dialect.do_commit

    def commit_unheard(connection: Any) -> None:
        commit(connection)
        raise ConnectionError

    storage.engine.dialect.do_commit = commit_unheard  # type: ignore[method-assign,assignment]
    try:
        with pytest.raises(ConnectionError):
            yield
    finally:
        storage.engine.dialect.do_commit = commit  # type: ignore[method-assign]


@both
@pytest.mark.parametrize("n_trials", [0, 1, 3])
def test_a_write_of_which_nothing_was_heard_can_be_made_again(
    n_trials: int, place_both_ways: Place
) -> None:
    place = place_both_ways
    first, trials = place.trials(2), place.trials(n_trials)
    with place.own() as ownership:
        ownership.write(first, 0, NOTHING)
        with unheard_commits(place.storage):
            ownership.write(trials, 2, NOTHING)
        for _ in range(2):
            ownership.write(trials, 2, NOTHING)
            assert place.values == values_of(first + trials)
        with unheard_commits(place.storage):
            ownership.end("enough", judged_budget=20)
        assert ownership.end("enough", judged_budget=20).state is StudyState.FINISHED


@both
def test_trials_that_were_written_in_part_are_completed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna writes one after the other."""
    monkeypatch.setattr("studies.storage.ownership.bulk_tables", lambda: None)
    trials = place.trials(5)
    with place.own() as ownership:
        add = place.study.add_trials

        def add_two(trials: list[FrozenTrial]) -> None:
            add(trials[:2])
            raise ConnectionError

        monkeypatch.setattr(place.study, "add_trials", add_two)
        with pytest.raises(ConnectionError):
            ownership.write(trials, 0, NOTHING)
        assert place.values == values_of(trials[:2])
        monkeypatch.setattr(place.study, "add_trials", add)
        ownership.write(trials, 0, NOTHING)
    assert place.values == values_of(trials)


@both
def test_a_study_that_was_deleted_meanwhile_is_one_line(place_both_ways: Place) -> None:
    """By Optuna's dashboard, which knows nothing of who owns it."""
    place = place_both_ways
    with place.own() as ownership:
        ownership.write(place.trials(2), 0, NOTHING)
        optuna.delete_study(study_name=place.name, storage=place.storage)
        said = f"^study '{place.name}' was deleted meanwhile$"
        with pytest.raises(StudyError, match=said):
            ownership.write(place.trials(1), 2, NOTHING)
        with pytest.raises(StudyError, match=said):
            ownership.end("enough")


@both
def test_a_deleted_study_leaves_no_row(place_both_ways: Place) -> None:
    place = place_both_ways
    others = rows_of(place.storage)
    other = Place(place.storage)
    with other.own() as ownership:
        ownership.write(other.trials(2), 0, NOTHING)
        ownership.delete()
    assert rows_of(place.storage) == others


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True, scope="module")
def test_a_study_does_not_inherit_the_row_of_one_with_its_id(place: Place) -> None:
    """SQLite uses the ids of deleted studies again."""
    old = place.own()
    old.write(place.trials(2), 0, NOTHING)
    optuna.delete_study(study_name=place.name, storage=place.storage)
    later = create("later", place.storage)
    assert later._study_id == place.study._study_id
    assert "later" not in [one.name for one in study_queue.open_studies(place.storage)]
    lose_lock(old)
    with Ownership(place.storage, later) as new, old:
        assert new.write([], 0, NOTHING) == Standing(StudyState.CANCELLED, 0)
        with pytest.raises(StudyError, match=f"'{place.name}' was deleted meanwhile"):
            old.write(place.trials(1), 2, NOTHING)
        new.write(place.trials(1), 0, NOTHING)
        new.delete()


@both
def test_a_damaged_state_is_one_line(place: Place) -> None:
    with place.own() as ownership:
        this = STUDIES.c.study_name == place.name
        with place.storage.engine.begin() as connection:
            connection.execute(sa.update(STUDIES).where(this).values(state="\x1b[2J"))
        with pytest.raises(StudyError, match=f"^study '{place.name}' cannot be read") as refused:
            ownership.write(place.trials(1), 0, NOTHING)
        assert str(refused.value).isprintable()
    assert place.there == []


@both
def test_a_study_ends_at_the_budget_that_was_judged_only(place: Place) -> None:
    with place.own() as ownership:
        study_queue.offer(place.storage, place.name, 30)
        assert ownership.end("all 20 trials done", judged_budget=20) == (StudyState.OPEN, 30)
        assert "stop_reason" not in place.study.user_attrs
        assert ownership.end("all 30", judged_budget=30) == (StudyState.FINISHED, 30)
        assert place.study.user_attrs["stop_reason"] == "all 30"
        assert ownership.end("stopped by its user") == (StudyState.FINISHED, 30)


@both
def test_a_cancelled_study_takes_what_has_run_and_goes_on_when_offered_again(
    place: Place,
) -> None:
    trials = place.trials(5)
    with place.own() as ownership:
        study_queue.cancel(place.storage, place.name)
        assert ownership.write(trials[:2], 0, NOTHING) == (StudyState.CANCELLED, 20)
        assert ownership.end("all done", judged_budget=20).state is StudyState.CANCELLED
        with pytest.raises(StudyError, match="is not open: there is nothing to cancel"):
            study_queue.cancel(place.storage, place.name)
        study_queue.offer(place.storage, place.name, 6)
        assert ownership.write(trials[2:], 2, NOTHING) == (StudyState.OPEN, 6)
    assert place.values == values_of(trials)


STOPS_IN_THE_MIDDLE = """
import sys, threading, optuna, sqlalchemy as sa
from studies.storage.ownership import Ownership, Summary
from studies.storage.database import open_storage
from tests.studies_tests.storage.writing import Trials
storage = open_storage(sys.argv[1])
owned = Ownership(storage, optuna.load_study(study_name=sys.argv[2], storage=storage))
made = Trials()
owned.write(made(3), 0, Summary(None, None, None))
@sa.event.listens_for(storage.engine, "before_cursor_execute")
def hold(connection, cursor, statement, *_):
    if "INTO trial_params" in statement:
        print("in the middle", flush=True)
        threading.Event().wait()
owned.write(made(7), 3, Summary(None, None, None))
"""


@both
@pytest.mark.process
def test_a_killed_owner_leaves_whole_writes_and_another_takes_over(place: Place) -> None:
    url = place.storage.engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", STOPS_IN_THE_MIDDLE, url, place.name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "in the middle\n"
        with pytest.raises(StudyTakenError, match=f"process {process.pid} on "):
            place.own()
        process.kill()
        process.wait()
    ownership = taken_over(place)
    with ownership:
        assert len(place.there) == 3
        assert all(trial.params and trial.values for trial in place.there)
        ownership.write(place.trials(2), 3, NOTHING)
    assert len(place.there) == 5


def taken_over(place: Place) -> Ownership:
    """A server notices a dead client at once, but not at the same time."""
    for _ in range(10_000):
        try:
            return place.own()
        except StudyTakenError:
            continue
    raise AssertionError("the lock is still held")


@pytest.mark.postgres
@pytest.mark.parametrize("storage", ["postgresql"], indirect=True, scope="module")
@pytest.mark.parametrize("is_taken", [False, True])
def test_an_owner_whose_lock_connection_was_cut_goes_on_unless_another_took_over(
    is_taken: bool, place: Place
) -> None:
    """The connection that holds the lock, none of those that write."""
    old = place.own()
    old.write(place.trials(2), 0, NOTHING)
    with place.storage.engine.connect() as connection:
        ended = connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND "
            "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).all()
    assert ended == [(True,)]
    if is_taken:
        with taken_over(place) as new, old:
            with pytest.raises(StudyTakenError, match="now; this one has written nothing since"):
                old.write(place.trials(1), 2, NOTHING)
            assert len(place.there) == 2
            new.write(place.trials(3), 2, NOTHING)
        assert len(place.there) == 5
        return
    with old:
        old.write(place.trials(1), 2, NOTHING)
        with pytest.raises(StudyTakenError):
            place.own()
    assert len(place.there) == 3
