"""A process that runs trials, as the database knows it: a number, and a lock while it lives."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from objectives.process_locks import WORKERS as WORKER_NUMBERS
from objectives.process_locks import ProcessLocks
from studies.ledger_tables import WORKERS, make_tables

if TYPE_CHECKING:
    from types import TracebackType


class Worker:
    """Signs this process on as a worker of a database, until it is closed.

    Parameters
    ----------
    database : sqlalchemy.Engine

    Attributes
    ----------
    id : int
        Never given twice.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
    OSError
        When the file of locks beside a SQLite database cannot be written.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        make_tables(database)
        self._locks = ProcessLocks(database, WORKER_NUMBERS)
        with database.begin() as connection:
            self._forget_the_gone(connection)
            inserted = connection.execute(sa.insert(WORKERS).values(**_me()))
            self.id = int((inserted.inserted_primary_key or (0,))[0])
            self._locks.take(self.id)  # before anybody can see the number

    def keep(self) -> None:
        """Stay known as alive, also when the connection that showed it was lost."""
        self._locks.keep()

    def is_gone(self, worker_id: int) -> bool:
        """Tell whether surely no process is that worker any more."""
        return worker_id != self.id and self._locks.is_abandoned(worker_id)

    def works_on(self, study_id: int | None) -> None:
        """Note what this worker is busy with, for those who look."""
        this = WORKERS.c.id == self.id
        with self._database.begin() as connection:
            moved = connection.execute(sa.update(WORKERS).where(this).values(study_id=study_id))
            if moved.rowcount == 0:  # taken for gone while the database was away
                connection.execute(
                    sa.insert(WORKERS).values(id=self.id, study_id=study_id, **_me())
                )

    def _forget_the_gone(self, connection: sa.Connection) -> None:
        # in one order: two that begin at once would wait for each other
        for worker_id in connection.scalars(sa.select(WORKERS.c.id).order_by(WORKERS.c.id)).all():
            if self._locks.is_abandoned(worker_id):
                connection.execute(sa.delete(WORKERS).where(WORKERS.c.id == worker_id))

    def close(self) -> None:
        """Sign off."""
        self.__exit__(None, None, None)

    def __enter__(self) -> Self:
        """Return the worker."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Sign off, where the database can still be reached."""
        try:
            with self._database.begin() as connection:
                connection.execute(sa.delete(WORKERS).where(WORKERS.c.id == self.id))
        except sa.exc.SQLAlchemyError:
            if error is None:
                raise
        finally:
            self._locks.__exit__(kind, error, trace)


def _me() -> dict[str, object]:
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
