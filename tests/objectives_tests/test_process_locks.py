from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from objectives.process_locks import WORKERS, ProcessLocks
from studies.postgres_server import PostgresServer
from tests.postgres import need_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Server

_CUT = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def database(postgres: Server) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres.new_database())
    yield engine
    engine.dispose()


def cut_all(database: sa.Engine) -> None:
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(_CUT)


def test_locks_outlast_a_server_that_is_away_for_several_attempts() -> None:
    need_server()
    with PostgresServer() as server:
        database = sa.create_engine(server.new_database())
        with ProcessLocks(database, WORKERS) as ours, ProcessLocks(database, WORKERS) as others:
            assert ours.take(1)
            server.stop("immediate")
            for _ in range(3):
                for locks in (ours, others):
                    with pytest.raises(OperationalError):
                        locks.keep()
            server.start()
            for locks in (ours, others):
                locks.keep()
            assert not others.is_abandoned(1)
        database.dispose()


def test_locks_can_be_closed_while_the_server_is_away() -> None:
    need_server()
    with PostgresServer() as server:
        database = sa.create_engine(server.new_database())
        with ProcessLocks(database, WORKERS) as locks:
            locks.take(1)
            server.stop("immediate")
            with pytest.raises(OperationalError):
                locks.keep()
        database.dispose()


def test_a_lock_that_another_process_looks_at_is_taken_again_later(database: sa.Engine) -> None:
    with ProcessLocks(database, WORKERS) as ours:
        assert ours.take(1)
        cut_all(database)
        with ProcessLocks(database, WORKERS) as others:
            assert others.take(1)
            ours.keep()
        ours.keep()
        with ProcessLocks(database, WORKERS) as others:
            assert not others.is_abandoned(1)
