from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from support.process_locks import SESSIONS, STUDIES, ProcessLocks
from tests.conftest import ROOT
from tests.postgres import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Server


HOLDER = """
import sys, sqlalchemy
from support.process_locks import STUDIES, ProcessLocks
with ProcessLocks(sqlalchemy.create_engine(sys.argv[1]), STUDIES) as locks:
    print(locks.take(int(sys.argv[2])), flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(url: str, number: int, *, is_free: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Run a process that takes a lock and holds it until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(number)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == str(is_free)
        yield process


@contextmanager
def opened(url: str) -> Iterator[ProcessLocks]:
    database = sa.create_engine(url)
    with ProcessLocks(database, STUDIES) as locks:
        yield locks
    database.dispose()


def wait_until_abandoned(locks: ProcessLocks, number: int) -> None:
    """A server notices a dead client at once, but not at the same time."""
    for _ in range(1_000_000):
        if locks.is_abandoned(number):
            return
    raise AssertionError("the lock is still held")


@pytest.mark.process
def test_a_process_that_is_killed_lets_go(url: str) -> None:
    with opened(url) as locks, holder(url, 7) as process:
        assert not locks.is_abandoned(7)
        process.kill()
        process.wait()
        wait_until_abandoned(locks, 7)
        assert locks.take(7)


@pytest.mark.process
def test_a_lock_of_a_living_process_stays_its_own_however_often_one_asks(url: str) -> None:
    database = sa.create_engine(url)
    with opened(url) as locks, holder(url, 7) as process:
        for _ in range(50):
            assert not locks.is_abandoned(7)
        assert not locks.take(7)
        for number in (0, 6, 8, 1_000_000):
            assert locks.is_abandoned(number)
            assert locks.take(number)
        assert not locks.is_abandoned(7)
        with ProcessLocks(database, SESSIONS) as sessions:  # their numbers are others
            assert sessions.take(7)
        process.communicate()
        wait_until_abandoned(locks, 7)
    database.dispose()


@pytest.mark.process
def test_a_lock_of_one_s_own_is_not_abandoned_and_is_kept_when_one_asks(url: str) -> None:
    with opened(url) as locks:
        assert locks.take(7)
        assert locks.take(7)
        assert not locks.is_abandoned(7)
        locks.keep()
        with holder(url, 7, is_free=False):
            assert not locks.is_abandoned(7)


@pytest.mark.process
def test_two_users_of_one_process_exclude_each_other_and_end_on_their_own(url: str) -> None:
    """A notebook that looks at its studies must not let go of what its training holds."""
    with opened(url) as one:
        assert one.take(7)
        with opened(url) as other:
            assert not other.is_abandoned(7)
            assert not other.take(7)
            assert other.take(8)
        assert one.is_abandoned(8)
        with holder(url, 7, is_free=False):
            assert one.take(8)


def test_nobody_is_taken_for_gone_where_nothing_is_known() -> None:
    database = sa.create_engine("sqlite://")
    with ProcessLocks(database, STUDIES) as locks:
        assert locks.take(7)
        locks.keep()
        assert not locks.is_abandoned(8)
    database.dispose()


def cut(url: str) -> None:
    """End every other connection to a database."""
    database = sa.create_engine(url)
    with database.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    database.dispose()


@pytest.mark.postgres
def test_locks_are_taken_again_after_the_connection_was_cut(postgres: Server) -> None:
    url = postgres.new_database()
    with opened(url) as one, opened(url) as other:
        assert one.take(7)
        assert one.take(8)
        cut(url)
        with pytest.raises(SQLAlchemyError):
            other.is_abandoned(7)
        other.keep()
        wait_until_abandoned(other, 7)
        one.keep()
        assert not other.is_abandoned(7)
        assert not other.is_abandoned(8)


@pytest.mark.postgres
def test_a_lock_that_another_looks_at_is_taken_again_later(postgres: Server) -> None:
    """Whoever asks whether it is free holds it for a moment."""
    url = postgres.new_database()
    with opened(url) as one, opened(url) as looking:
        assert one.take(7)
        cut(url)
        looking.keep()
        wait_until_abandoned(looking, 7)
        assert looking._try(7)
        one.keep()
        looking._let_go(7)
        one.keep()
        assert not looking.is_abandoned(7)


@pytest.mark.postgres
def test_locks_wait_for_a_server_that_is_away_for_long() -> None:
    with running_server() as server:
        url = server.new_database()
        with opened(url) as locks, opened(url) as leaving:
            assert locks.take(7)
            server.stop("immediate")
            for _ in range(3):
                for one in (locks, leaving):
                    with pytest.raises(sa.exc.OperationalError):
                        one.keep()
            leaving.__exit__(None, None, None)
            server.start()
            locks.keep()
            with opened(url) as other:
                assert not other.is_abandoned(7)
