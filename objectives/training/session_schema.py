"""Open a database of training sessions, make its tables, refuse other ones of their names."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SQLAlchemyError

from objectives.training.session_tables import METADATA
from support.databases import Holds, cannot_use, check_database, shown_url
from support.errors import StudyError

_PATIENCE_S = 30.0  # for another writer
_PREPARING = 7_201  # PostgreSQL's advisory lock while tables are made or a session is opened


def open_database(url: str) -> sa.Engine:
    """Open a database in which every transaction is whole, its tables included.

    Python's ``sqlite3`` would begin a transaction late and end it before a table is made. Source:
    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html, "Serializable isolation / Savepoints /
    Transactional DDL".
    """
    is_sqlite = sa.make_url(url).get_backend_name() == "sqlite"
    database = sa.create_engine(
        url,
        connect_args={"timeout": _PATIENCE_S} if is_sqlite else {},
        pool_pre_ping=not is_sqlite,
    )
    if is_sqlite:
        sa.event.listen(database, "connect", _leave_transactions_to_us)
        sa.event.listen(database, "begin", _begin_writing)
    return database


def _leave_transactions_to_us(connection: Any, _: object) -> None:  # noqa: ANN401 - sqlite3's
    connection.isolation_level = None


def _begin_writing(connection: sa.Connection) -> None:
    """Take the one write lock before anything is read: what was read then still holds."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def check_sessions(url: str) -> None:
    """Refuse a database that cannot hold sessions, before any work is done; change nothing.

    Raises
    ------
    StudyError
        It cannot be opened, or tables of these names have other columns.
    """
    check_database(url, Holds.SESSIONS)
    database = sa.create_engine(url)
    try:
        with database.connect() as connection:
            _has_tables(connection)
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        raise cannot_use(url, error) from None
    finally:
        database.dispose()


def prepare(connection: sa.Connection) -> None:
    """Make the tables where they are missing; waits for others who do.

    Raises
    ------
    StudyError
        As `check_sessions`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
    if not _has_tables(connection):
        METADATA.create_all(connection, checkfirst=False)


def _has_tables(connection: sa.Connection) -> bool:
    """Tell whether the tables are there; refuse other ones of their names."""
    found = sa.inspect(connection).get_multi_columns(
        filter_names=list(METADATA.tables), kind=ObjectKind.ANY
    )
    there = {name: {column["name"] for column in columns} for (_, name), columns in found.items()}
    ours = {name: set(table.columns.keys()) for name, table in METADATA.tables.items()}
    if there and there != ours:
        other = next(name for name in ours if there.get(name) != ours[name])
        raise StudyError(
            f"{shown_url(str(connection.engine.url))}: the table {other} is of another version "
            "of RadTune, or of another program; move the file away, or set training.storage in "
            "the configuration to another database"
        )
    return bool(there)
