"""Know which sessions a living process works on: its locks end with it, however it ends.

Beside a SQLite file lies ``FILE.lock``, of which byte N belongs to session N; PostgreSQL has
advisory locks. Neither needs a clock. For other databases nothing is known; there, as everywhere,
two processes cannot write the same block (`objectives.sessions.SessionStore.write_block`).
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import sqlalchemy as sa

if TYPE_CHECKING:
    from types import TracebackType

_CLASS = 7_202  # of PostgreSQL's advisory locks


class SessionLocks:
    """The locks of one process on sessions of one database, until it is closed.

    Two of them in one process do not exclude each other on SQLite.

    Parameters
    ----------
    database : sqlalchemy.Engine
    """

    def __init__(self, database: sa.Engine) -> None:
        self._file: TextIO | None = None
        self._connection: sa.Connection | None = None
        if database.dialect.name == "sqlite":
            path = _file_of(database)
            self._file = path.open("a") if path else None
        elif database.dialect.name == "postgresql":
            self._connection = database.connect().execution_options(isolation_level="AUTOCOMMIT")

    def take(self, session_id: int) -> bool:
        """Lock a session; tell whether no other process has it."""
        if self._file:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, session_id)
            except OSError:
                return False
            return True
        if self._connection:
            locked = sa.func.pg_try_advisory_lock(_CLASS, session_id)
            return bool(self._connection.scalar(sa.select(locked)))
        return True

    def is_abandoned(self, session_id: int) -> bool:
        """Tell whether surely no process works on a session."""
        if not self._file and not self._connection:
            return False
        is_free = self.take(session_id)
        if is_free:
            self._let_go(session_id)
        return is_free

    def _let_go(self, session_id: int) -> None:
        if self._file:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, session_id)
        if self._connection:
            unlock = sa.func.pg_advisory_unlock(_CLASS, session_id)
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
        if self._connection:
            self._connection.invalidate()  # a pool would keep its locks
            self._connection.close()


def _file_of(database: sa.Engine) -> Path | None:
    """Return where the locks of a SQLite database are; None for one in memory."""
    with database.connect() as connection:
        for _, name, path in connection.exec_driver_sql("PRAGMA database_list"):
            if name == "main" and path:
                return Path(f"{path}.lock")
    return None
