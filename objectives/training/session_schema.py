"""Open a database of training sessions: make its tables, bring older ones up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from objectives.training.session_tables import METADATA, SCHEMA, SESSIONS, VERSION, VERSION_TABLE
from support.databases import cannot_use, check_database, shown_url
from support.errors import StudyError

_PATIENCE_S = 30.0  # for another writer
_PREPARING = 7_201  # PostgreSQL's advisory lock while tables are made or a session is opened
_FIRST = "1"  # the revision of databases that said none
_MIGRATIONS = Path(__file__).parent / "migrations"


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
        It cannot be opened, or its tables are another program's or a newer version's.
    """
    check_database(url)
    database = sa.create_engine(url)
    try:
        with database.connect() as connection:
            _revision(connection)
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        raise cannot_use(url, error) from None
    finally:
        database.dispose()


def prepare(connection: sa.Connection) -> None:
    """Make the tables where they are missing, or bring them up to date; waits for others.

    Raises
    ------
    StudyError
        As `check_sessions`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
    revision = _revision(connection)
    if revision is None:
        METADATA.create_all(connection, checkfirst=False)
        connection.execute(sa.insert(VERSION).values(version_num=SCHEMA))
    elif revision != SCHEMA:
        _migrate(connection, revision)


def _revision(connection: sa.Connection) -> str | None:
    """Return the revision of the tables that are there; None without any."""
    inspector, shown = sa.inspect(connection), shown_url(str(connection.engine.url))
    if inspector.has_table(VERSION_TABLE):
        revision: str | None = connection.scalar(sa.select(VERSION.c.version_num))
        if revision is not None and revision.isdecimal():
            if int(revision) <= int(SCHEMA):
                return revision
            raise StudyError(
                f"{shown}: written by a newer version of this program (schema {revision}, this "
                f"one knows {SCHEMA}); get that one, or set training.storage in the configuration"
            )
        raise _foreign(shown, f"{VERSION_TABLE} says {revision!r:.40}")
    if not inspector.has_table(SESSIONS.name):
        return None
    found = {column["name"] for column in inspector.get_columns(SESSIONS.name)}
    missing = sorted({"experiment_name", "finished_at", "total_processing_time_s"} - found)
    if missing:
        raise _foreign(shown, f"no column {missing[0]}")
    return _FIRST


def _foreign(shown: str, why: str) -> StudyError:
    return StudyError(
        f"{shown}: the table {SESSIONS.name} is another program's ({why}); move the file or set "
        "training.storage in the configuration"
    )


def _migrate(connection: sa.Connection, revision: str) -> None:
    """Run the revisions that are missing."""
    from alembic import command  # noqa: PLC0415 - half a second, once in the life of a database
    from alembic.config import Config  # noqa: PLC0415

    if not sa.inspect(connection).has_table(VERSION_TABLE):
        VERSION.create(connection)
        connection.execute(sa.insert(VERSION).values(version_num=revision))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)
