from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from objectives.training.session_schema import open_database
from objectives.training.session_tables import CHECKPOINTS, RESULTS, SESSIONS
from objectives.training.sessions import SessionIdentity, SessionStore
from support.errors import StudyError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from objectives.training.sessions import OpenSession, Row

IDENTITY = SessionIdentity("x", "data", "configuration", "engine")
RESULT: Row = {
    "file_hash": "f", "record": 1, "status": "MATCH", "confidence": 0.1, "chosen_row": "CT Head",
    "correct": True, "gold_rank": 1, "gold_retrieved": True, "critical_kinds": 0,
    "may_be_accepted": True, "set_size": 1, "set_probability": 0.1,
}  # fmt: skip
PERFORMANCE: Row = {
    "number": 1, "site": "A", "part": "training", "n_cases": 10, "n_labelled": 10,
    "n_answerable": 9, "critical_errors": 0, "average_confidence": 0.5,
}  # fmt: skip
MEASURED = {"accuracy_at_1": 0.5, "total_processing_time_s": 3.0}
# Opens the session, says its number and waits to be killed.
HOLDER = f"""
import sys
from objectives.training.sessions import SessionIdentity, SessionStore
store = SessionStore(sys.argv[1])
print(store.open(SessionIdentity(*{tuple(IDENTITY)}), 10, 0, resume=True).session_id, flush=True)
sys.stdin.read()
"""


def rows_of(url: str, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    database = open_database(url)
    with database.begin() as connection:
        rows = connection.execute(sa.select(table).order_by(*table.primary_key)).all()
    database.dispose()
    return list(rows)


def opened(store: SessionStore, identity: SessionIdentity = IDENTITY) -> OpenSession:
    return store.open(identity, 10, 0, resume=True)


def test_an_interrupted_session_goes_on_and_a_completed_one_does_not(url: str) -> None:
    with SessionStore(url) as store:
        first = opened(store)
        assert (first.session_id, first.n_done, first.note) == (1, 0, None)
        store.write_block(1, 0, [RESULT] * 4, 1.5)
        store.interrupt(1, 2.0)
    with SessionStore(url) as store:
        again = opened(store)
        said = "session 1 (x) was interrupted at 4 of 10 cases: going on from there"
        assert again == (1, 4, 2.0, said)
        assert [row.position for row in store.read_results(1, range(1, 4))] == [1, 2, 3]
        store.write_block(1, 4, [RESULT] * 6, 2.5)
        store.finish(1, MEASURED, [PERFORMANCE])
        assert opened(store)._replace(seconds=0.0) == (2, 0, 0.0, None)
    first_row, second = rows_of(url, SESSIONS)
    assert (first_row.status, first_row.processed_cases) == ("completed", 10)
    assert first_row.accuracy_at_1 == 0.5
    assert first_row.started_at < first_row.finished_at
    assert second.finished_at is None
    assert [row.processed_cases for row in rows_of(url, CHECKPOINTS)] == [4, 10]
    assert {row.session_id for row in rows_of(url, RESULTS)} == {1}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("data_sha256", "the data"),
        ("configuration_sha256", "the configuration"),
        ("engine_sha256", "the engine"),
        ("experiment_name", None),
    ],
)
def test_another_identity_begins_a_new_session_and_says_so(
    field: str, said: str | None, url: str
) -> None:
    with SessionStore(url) as store:
        opened(store)
        store.interrupt(1, 0.0)
        other = opened(store, IDENTITY._replace(**{field: "other"}))
        words = said and f"a new session (2) begins: {said} changed since session 1 (x)"
        assert (other.session_id, other.note) == (2, words)
        store.interrupt(2, 0.0)
        assert opened(store).session_id == 1  # the first is still there to go on with


def test_a_new_session_may_be_asked_for(url: str) -> None:
    with SessionStore(url) as store:
        opened(store)
        store.interrupt(1, 0.0)
        assert store.open(IDENTITY, 10, 0, resume=False)[:2] == (2, 0)


@pytest.mark.process
def test_a_session_of_a_living_process_is_refused_and_of_a_killed_one_taken_over(
    url: str,
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "1\n"
        with SessionStore(url) as store:
            with pytest.raises(StudyError, match=r"session 1 \(x\) is running in another process"):
                opened(store)
            other = IDENTITY._replace(experiment_name="y")
            assert opened(store, other).session_id == 2
            assert [row.status for row in rows_of(url, SESSIONS)] == ["running", "running"]
        holder.kill()
    with SessionStore(url) as store:
        if url.startswith("postgresql"):
            wait_until_locks_are_gone(url)
        taken = opened(store)
        assert taken.session_id == 1
        said = "session 1 (x) ended without a word at 0 of 10 cases: going on from there"
        assert taken.note == said
    assert [row.status for row in rows_of(url, SESSIONS)] == ["running", "interrupted"]


def wait_until_locks_are_gone(url: str) -> None:
    """Wait for the server to notice that its client was killed."""
    database = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    held = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    with database.connect() as connection:
        while connection.scalar(held):
            pass
    database.dispose()


def test_of_two_writers_of_one_block_one_is_refused_and_nothing_is_mixed(url: str) -> None:
    with SessionStore(url) as store, SessionStore(url) as other:
        opened(store)
        store.write_block(1, 0, [RESULT] * 3, 1.0)
        with pytest.raises(StudyError, match="another process works on it"):
            other.write_block(1, 0, [RESULT] * 5, 1.0)
    assert len(rows_of(url, RESULTS)) == 3


def test_results_that_were_removed_are_missed(url: str) -> None:
    with SessionStore(url) as store:
        opened(store)
        store.write_block(1, 0, [RESULT] * 3, 1.0)
        database = open_database(url)
        with database.begin() as connection:
            connection.execute(sa.delete(RESULTS).where(RESULTS.c.position == 1))
        database.dispose()
        with pytest.raises(StudyError, match="--no-resume"):
            store.read_results(1, range(3))
