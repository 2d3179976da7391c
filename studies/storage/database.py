"""Open the database of studies, and refuse what is none."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import sqlalchemy as sa
import tenacity
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from support.databases import Holds, cannot_use, check_database, shown_url
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A network that died is noticed within about a minute, not after hours. Source: libpq, "Parameter
# Key Words"; docs/postgresql.md has what was measured.
_PATIENT = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # ms
}
_N_TRIES = 10  # while others make the tables, too
_LONGEST_WAIT_S = 0.5
# PostgreSQL's duplicate_table and duplicate_object
_THERE_ALREADY = {"42P07", "42710"}
_PATIENCE_S = 30.0  # as long as Optuna, which tries five times, waits for another writer


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from announcing studies, SQLAlchemy from telling of connections that are lost.

    The program tells its user itself.
    """
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pool = logging.getLogger("sqlalchemy.pool")
    pool_before = pool.level
    pool.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
        pool.setLevel(pool_before)


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn a failing database into one line; what was recorded before it failed is kept.

    Raises
    ------
    StudyError
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        cause = error.__cause__
        raise cannot_use(url, cause if isinstance(cause, SQLAlchemyError) else error) from None
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        raise cannot_use(url, error) from None


class _WriteAheadConnection(sqlite3.Connection):
    """A SQLite connection that writes ahead where the file and its folder allow it.

    Readers then do not stop the writer, nor it them, and a commit does not wait for the disk:
    a power cut may lose the last commits, but leaves the database sound; a killed process loses
    none. Source: https://sqlite.org/wal.html
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - sqlite3's own
        kwargs.setdefault("timeout", _PATIENCE_S)
        super().__init__(*args, **kwargs)
        # Refused in some places (a read-only file, some network folders, a database in memory);
        # there the safe defaults stay.
        with suppress(sqlite3.OperationalError):
            (mode,) = self.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode == "wal":
                self.execute("PRAGMA synchronous = NORMAL")


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """Open an Optuna database, making it when it is new; many processes may do it at once.

    SQLite files are switched to write-ahead logging, where that can be had.

    Raises
    ------
    StudyError
        When it cannot be opened, holds other tables, or was made by another Optuna schema.
    """
    check_database(url, Holds.STUDIES)
    # Optuna looks which tables there are and makes the others: whoever comes second finds them
    # made under his hands, and then makes what is still missing.
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_made_by_another),
        wait=tenacity.wait_random(0, _LONGEST_WAIT_S),
        stop=tenacity.stop_after_attempt(_N_TRIES),
        reraise=True,
    )
    try:
        return retrying(optuna.storages.RDBStorage, url, _engine_options(sa.make_url(url)))
    except RuntimeError as error:
        raise StudyError(
            f"{shown_url(url)}: {str(error).splitlines()[0]} "
            "(back it up, then `optuna storage upgrade`)"
        ) from None
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        raise cannot_use(url, error) from None


def _engine_options(url: sa.URL) -> dict[str, Any]:
    """Return how SQLAlchemy connects; what the URL says itself, it says."""
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"factory": _WriteAheadConnection}}
    if url.get_backend_name() != "postgresql":
        return {}
    connect = {name: value for name, value in _PATIENT.items() if name not in url.query}
    return {"connect_args": connect, "pool_pre_ping": True}


def _is_made_by_another(error: BaseException) -> bool:
    """Tell whether another process has just made a table, or a row of one, that was to be made."""
    if isinstance(error, IntegrityError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)  # a server's words may be in another language
    return state in _THERE_ALREADY if state else "already exists" in str(error.orig)


def open_existing(url: str) -> optuna.storages.RDBStorage:
    """Open a database that holds studies; nothing is made there.

    Raises
    ------
    StudyError
        Also when there is no file, or nothing of Optuna's in the database.
    """
    if has_no_file(url) or "studies" not in check_database(url, Holds.STUDIES):
        raise _no_studies(url)
    return open_storage(url)


@contextmanager
def opened_storage(url: str, *, is_new: bool = False) -> Iterator[optuna.storages.RDBStorage]:
    """Open a database of studies, and close it; a failing one ends in one line.

    Parameters
    ----------
    url : str
    is_new : bool
        Whether it may have to be made.

    Raises
    ------
    StudyError
    """
    with quiet_optuna(), translated_errors(url):
        storage = open_storage(url) if is_new else open_existing(url)
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()


def has_no_file(url: str) -> bool:
    """Tell whether a URL means a SQLite file that is not there (or none: a database in memory)."""
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        return False  # whoever opens it says what is wrong
    path = (parsed.database or "").removeprefix("file:")
    return parsed.get_backend_name() == "sqlite" and (not path or not Path(path).exists())


def _no_studies(url: str) -> StudyError:
    return StudyError(
        f"{shown_url(url)}: holds no studies; run `make optimize` first, or give the database "
        "that has them (--storage or OPTUNA_STORAGE)"
    )
