"""Locks that end with the process that holds them: who is gone holds none.

Beside a SQLite file lies a file of locks, of which byte N belongs to number N; PostgreSQL has
advisory locks. Neither needs a clock. For other databases nothing is known: there nobody is ever
taken for gone. A lock saves work that would be done twice; that nothing is written twice is seen
to by the transactions that write.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, TextIO

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from types import TracebackType


class LockSpace(NamedTuple):
    """What the numbers of locks are numbers of.

    Attributes
    ----------
    postgresql_class : int
        First of the two keys of PostgreSQL's advisory locks.
    suffix : str
        Of the file beside a SQLite database.
    """

    postgresql_class: int
    suffix: str


SESSIONS = LockSpace(7_202, "lock")
WORKERS = LockSpace(7_203, "workers.lock")


class ProcessLocks:
    """The locks of one process on one database, until they are closed.

    Two of them in one process do not exclude each other on SQLite, and the first one that is
    closed lets go of both's.

    Parameters
    ----------
    database : sqlalchemy.Engine
    space : LockSpace
    """

    def __init__(self, database: sa.Engine, space: LockSpace) -> None:
        self._database = database
        self._class = space.postgresql_class
        self._file: TextIO | None = None
        self._connection: sa.Connection | None = None
        self._taken: set[int] = set()
        self._missing: set[int] = set()  # taken, and lost with a connection
        if database.dialect.name == "sqlite":
            path = _file_of(database)
            if path:  # stays open as long as the locks
                self._file = Path(f"{path}.{space.suffix}").open("a")  # noqa: SIM115
        elif database.dialect.name == "postgresql":
            self._connection = self._connected()

    def take(self, number: int) -> bool:
        """Take a lock; tell whether no other process has it."""
        is_free = self._try(number)
        if is_free:
            self._taken.add(number)
        return is_free

    def keep(self) -> None:
        """Take everything again when the connection that held it was lost.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            When the database is still away.
        """
        if not self._connection:
            return
        if self._is_lost(self._connection):
            if not self._connection.closed:  # it is when this is not the first attempt
                self._connection.invalidate()
                self._connection.close()
            self._connection = self._connected()
            self._missing = set(self._taken)
        # another process may have one for a moment, to see whether it is abandoned
        self._missing = {number for number in self._missing if not self._try(number)}

    def is_abandoned(self, number: int) -> bool:
        """Tell whether surely no process holds a lock."""
        if not self._file and not self._connection:
            return False
        is_free = self._try(number)
        if is_free:
            self._let_go(number)
        return is_free

    @staticmethod
    def _is_lost(connection: sa.Connection) -> bool:
        try:
            connection.scalar(sa.select(1))
        except SQLAlchemyError:
            return True
        return False

    def _connected(self) -> sa.Connection:
        return self._database.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _try(self, number: int) -> bool:
        if self._file:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
            except OSError:
                return False
            return True
        if self._connection:
            locked = sa.func.pg_try_advisory_lock(self._class, number)
            return bool(self._connection.scalar(sa.select(locked)))
        return True

    def _let_go(self, number: int) -> None:
        if self._file:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)
        if self._connection:
            unlock = sa.func.pg_advisory_unlock(self._class, number)
            self._connection.execute(sa.select(unlock))

    def __enter__(self) -> Self:
        """Return the locks."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let everything go."""
        if self._file:
            self._file.close()
        if self._connection and not self._connection.closed:
            self._connection.invalidate()  # a pool would keep its locks
            self._connection.close()


def _file_of(database: sa.Engine) -> str | None:
    """Return where a SQLite database is; None for one in memory."""
    with database.connect() as connection:
        for _, name, path in connection.exec_driver_sql("PRAGMA database_list"):
            if name == "main" and path:
                return str(path)
    return None
