from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    OperationalError,
    PendingRollbackError,
    ProgrammingError,
    SQLAlchemyError,
)

from studies.storage import database_retry as patience
from studies.storage.database_retry import DatabaseRetry, is_away
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres import Server


def of_server(sqlstate: str | None, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    """What SQLAlchemy raises when PostgreSQL answers so; None of one that does not answer."""
    error = psycopg.OperationalError("said the server")
    error.sqlstate = sqlstate
    return kind("SELECT 1", {}, error)


def of_sqlite(said: str) -> DBAPIError:
    return OperationalError("SELECT 1", {}, sqlite3.OperationalError(said))


def cut() -> DBAPIError:
    return DBAPIError("SELECT 1", {}, RuntimeError("cut"), connection_invalidated=True)


def within_optuna(error: Exception) -> StorageInternalError:
    """What Optuna makes of an error of SQLAlchemy."""
    raised = StorageInternalError("An exception is raised during the commit.")
    raised.__cause__ = error
    return raised


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (of_server("57P01"), True),  # the server is stopped
        (of_server("57P03"), True),  # it starts
        (of_server("08006"), True),  # the connection failed
        (of_server("53300"), True),  # too many connections
        (of_server(None), True),  # nobody answers
        (cut(), True),
        (of_sqlite("database is locked"), True),
        (within_optuna(of_server("57P01")), True),
        (within_optuna(cut()), True),
        (of_server("53100"), False),  # the disk is full
        (of_server("28P01"), False),  # the password is wrong
        (of_server("57014"), False),  # a query was cancelled
        (of_server("42501", ProgrammingError), False),  # it is not allowed
        (of_server("23505", IntegrityError), False),  # it is there already
        (of_server(None, ProgrammingError), False),
        (of_sqlite("database or disk is full"), False),
        (of_sqlite("attempt to write a readonly database"), False),
        (within_optuna(of_sqlite("database or disk is full")), False),
        (within_optuna(ValueError("locked")), False),
        (StorageInternalError("database is locked"), False),
        (StudyError("database is locked"), False),
        (ValueError("database is locked"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_a_lost_connection_is_waited_for(error: BaseException, expected: bool) -> None:
    assert is_away(error) is expected


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("tenacity.nap.time", clock)
    monkeypatch.setattr("tenacity.time", clock)
    return clock


class Database:
    """Fails so often, then answers 7."""

    def __init__(self, n_failures: float, error: Callable[[], Exception] = cut) -> None:
        self.n_failures = n_failures
        self.n_asked = 0
        self.error = error

    def __call__(self) -> int:
        self.n_asked += 1
        if self.n_asked <= self.n_failures:
            raise self.error()
        return 7


def test_it_is_tried_until_the_database_is_back_and_the_user_is_told_once(clock: Clock) -> None:
    lines: list[str] = []
    patiently = DatabaseRetry(lines.append, lambda: False)
    assert patiently(Database(0)) == 7
    assert lines == []
    database = Database(20)
    assert patiently(database) == 7
    assert database.n_asked == 21
    assert len(lines) == 1
    assert "away" in lines[0]
    assert patiently(Database(2)) == 7
    assert len(lines) == 2  # once for each time that it is away
    assert max(clock.waits) <= patience._LONGEST_WAIT_S


def test_waiting_ends_after_ten_minutes_with_what_was_wrong(clock: Clock) -> None:
    database = Database(float("inf"))
    with pytest.raises(DBAPIError, match="cut"):
        DatabaseRetry(lambda line: None, lambda: False)(database)
    assert 600 <= clock.now < 610
    assert database.n_asked > 100


def test_a_request_to_stop_ends_the_waiting(clock: Clock) -> None:
    lines: list[str] = []
    database = Database(float("inf"))
    with pytest.raises(KeyboardInterrupt):
        DatabaseRetry(lines.append, lambda: database.n_asked == 3)(database)
    assert database.n_asked == 3
    with pytest.raises(KeyboardInterrupt):
        DatabaseRetry(lines.append, lambda: True)(Database(1))
    assert len(lines) == 1


def test_a_request_to_stop_hides_no_other_error(clock: Clock) -> None:
    with pytest.raises(ValueError, match="a bug"):
        DatabaseRetry(lambda line: None, lambda: True)(Database(1, lambda: ValueError("a bug")))


@pytest.mark.parametrize(
    "error", [lambda: of_server("53100"), lambda: ValueError("a bug"), lambda: StudyError("x")]
)
def test_anything_else_is_raised_at_once(error: Callable[[], Exception], clock: Clock) -> None:
    database = Database(1, error)
    lines: list[str] = []
    with pytest.raises(type(error())):
        DatabaseRetry(lines.append, lambda: False)(database)
    assert (database.n_asked, clock.waits, lines) == (1, [], [])


CUT = sa.text("SELECT pg_terminate_backend(:pid)")


def test_a_lost_connection_is_away_also_for_whoever_asks_it_once_more(postgres: Server) -> None:
    database = sa.create_engine(postgres.new_database())
    with database.connect() as lost:
        pid = lost.scalar(sa.select(sa.func.pg_backend_pid()))
        with database.connect() as other:
            other.execute(CUT, {"pid": pid})
        for kind in (OperationalError, PendingRollbackError):
            with pytest.raises(kind) as caught:
                lost.scalar(sa.select(1))
            assert is_away(caught.value)
            assert is_away(within_optuna(caught.value))
        lost.rollback()
        assert lost.scalar(sa.select(1)) == 1
    database.dispose()


def test_a_mistake_is_not_waited_for(postgres: Server) -> None:
    database = sa.create_engine(postgres.new_database())
    with database.connect() as connection, pytest.raises(SQLAlchemyError) as caught:
        connection.execute(sa.text("SELECT nothing FROM nowhere"))
    assert not is_away(caught.value)
    database.dispose()
