"""Locks that end with the process that holds them: who is gone holds none.

Beside a SQLite file lies a file of locks, of which byte N belongs to number N; PostgreSQL has
advisory locks. Neither needs a clock. For other databases nothing is known: there nobody is ever
taken for gone. A lock saves work that would be done twice; that nothing is written twice is seen
to by the transactions that write.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Collection


# A server lets go of the locks of a machine that vanished within a minute; without this, after two
# hours. On a Unix socket PostgreSQL ignores it.
_KEEPALIVE = (
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
)


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
STUDIES = LockSpace(7_203, "studies.lock")
SUBMISSIONS = LockSpace(7_205, "submissions.lock")


class ProcessLocks(ExitStack):
    """The locks of one process on one database, until they are closed.

    Parameters
    ----------
    database : sqlalchemy.Engine
    space : LockSpace

    Raises
    ------
    StudyError
        When the file of locks cannot be written.
    sqlalchemy.exc.SQLAlchemyError
    """

    def __init__(self, database: sa.Engine, space: LockSpace) -> None:
        super().__init__()
        self._database = database
        self._class = space.postgresql_class
        self._file: _LockFile | None = None
        self._connection: sa.Connection | None = None
        self._taken: set[int] = set()
        self._held: set[int] = set()  # those of them that the connection holds
        if database.dialect.name == "sqlite":
            path = _file_of(database)
            self._file = _LockFile.of(Path(f"{path}.{space.suffix}")) if path else None
        elif database.dialect.name == "postgresql":
            self._connection = self._connected()
        self.callback(self._let_all_go)

    def take(self, number: int) -> bool:
        """Take a lock; tell whether no other process has it."""
        if number in self._taken:
            return True
        is_free = self._try(number)
        if is_free:
            self._taken.add(number)
            self._held.add(number)
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
        try:
            self._connection.scalar(sa.select(1))
        except SQLAlchemyError:
            self._disconnect()
            self._connection = self._connected()
        # one that somebody looks at, or the server still holds for a connection that is dead, is
        # taken the next time
        self._held |= {number for number in self._taken - self._held if self._try(number)}

    def is_abandoned(self, number: int) -> bool:
        """Tell whether surely no process holds a lock."""
        if number in self._taken or not (self._file or self._connection):
            return False
        is_free = self._try(number)
        if is_free:
            self._let_go(number)
        return is_free

    def _connected(self) -> sa.Connection:
        connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
        for setting in _KEEPALIVE:
            connection.exec_driver_sql(setting)
        return connection

    def _disconnect(self) -> None:
        self._held.clear()
        if self._connection and not self._connection.closed:
            self._connection.invalidate()  # a pool would keep its locks
            self._connection.close()

    def _try(self, number: int) -> bool:
        if self._file:
            return self._file.take(number)
        if self._connection:
            locked = sa.func.pg_try_advisory_lock(self._class, number)
            return bool(self._connection.scalar(sa.select(locked)))
        return True

    def _let_go(self, number: int) -> None:
        if self._file:
            self._file.let_go(number)
        if self._connection:
            unlock = sa.func.pg_advisory_unlock(self._class, number)
            self._connection.execute(sa.select(unlock))

    def _let_all_go(self) -> None:
        if self._file:
            self._file.close(self._taken)
        self._disconnect()


class _LockFile:
    """A file of locks, opened once in a process: closing it anywhere would let go of all."""

    _opened: ClassVar[dict[Path, _LockFile]] = {}

    @classmethod
    def of(cls, path: Path) -> _LockFile:
        """Open a file, or use it once more."""
        path = path.resolve()
        if path not in cls._opened:
            cls._opened[path] = cls(path)
        return cls._opened[path].used_once_more()

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("a")
        except OSError as error:
            raise StudyError(
                f"{path}: cannot be written ({error.strerror}); it says which processes are at "
                "work on the database beside it"
            ) from None
        self._path = path
        self._n_users = 0
        self._taken: set[int] = set()  # a process does not lock itself out

    def used_once_more(self) -> Self:
        self._n_users += 1
        return self

    def take(self, number: int) -> bool:
        if number in self._taken:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            return False
        self._taken.add(number)
        return True

    def let_go(self, number: int) -> None:
        self._taken.discard(number)
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def close(self, taken: Collection[int]) -> None:
        """End one use of it, with the locks that it took."""
        for number in taken:
            self.let_go(number)
        self._n_users -= 1
        if self._n_users == 0:
            self._file.close()
            del self._opened[self._path]


def _file_of(database: sa.Engine) -> str | None:
    """Return where a SQLite database is; None for one in memory."""
    with database.connect() as connection:
        for _, name, path in connection.exec_driver_sql("PRAGMA database_list"):
            if name == "main" and path:
                return str(path)
    return None
