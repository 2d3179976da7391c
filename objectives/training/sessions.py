"""Training sessions in a database: what runs or ran on which data, and how far it is."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from objectives.training.session_schema import open_database, prepare
from objectives.training.session_tables import CHECKPOINTS, PERFORMANCE, RESULTS, SESSIONS
from support.databases import cannot_use
from support.errors import StudyError
from support.process_locks import SESSIONS as SESSION_NUMBERS
from support.process_locks import ProcessLocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Row = dict[str, object]


class SessionStatus(StrEnum):
    """How far a session is; one whose process was killed is RUNNING until another run looks."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"


class SessionIdentity(NamedTuple):
    """What a session belongs to: it goes on only where all of this is the same.

    Attributes
    ----------
    experiment_name : str
    data_sha256 : str
        Of the files in their order, the number of records used, the catalogue and its usage.
    configuration_sha256 : str
        Of all settings that change a result; sizes, intervals and workers do not.
    engine_sha256 : str
        Of the engine and the libraries that it computes with.
    """

    experiment_name: str
    data_sha256: str
    configuration_sha256: str
    engine_sha256: str


class OpenSession(NamedTuple):
    """A session that this process works on.

    Attributes
    ----------
    session_id : int
    n_done : int
        Cases whose results are there already.
    seconds : float
        That earlier runs have taken.
    note : str or None
        What the user should know about how it came about, in a line.
    """

    session_id: int
    n_done: int
    seconds: float
    note: str | None


class SessionStore(ExitStack):
    """The sessions of one database, whose tables are made when one is opened.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.

    Raises
    ------
    StudyError
        This and every method, when the database does not do what it should.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._database = open_database(url)
        with ExitStack() as opened, self._translated():
            opened.callback(self._database.dispose)
            self._locks = opened.enter_context(ProcessLocks(self._database, SESSION_NUMBERS))
            self.push(opened.pop_all())

    def open(
        self, identity: SessionIdentity, total_cases: int, errors: int, *, resume: bool
    ) -> OpenSession:
        """Go on with the newest session of this identity where it is not finished, or begin one.

        Parameters
        ----------
        identity : SessionIdentity
        total_cases, errors : int
            Records, and those of them that cannot be used.
        resume : bool
            False begins a new session always.

        Raises
        ------
        StudyError
            Also when another process works on that session.
        """
        with self._transaction() as connection:
            prepare(connection)
            newest = _newest(connection, experiment_name=identity.experiment_name)
            same = _newest(connection, **identity._asdict()) if resume else None
            if same and same.status != SessionStatus.COMPLETED:
                opened = self._go_on(connection, same)
            else:
                note = _what_changed(newest, identity) if newest and resume else None
                opened = self._begin(connection, identity, (total_cases, errors), note)
            self._mark_abandoned(connection, opened.session_id)
        return opened

    def write_block(
        self, session_id: int, n_before: int, rows: Sequence[Row], seconds: float
    ) -> None:
        """Write the results of the next cases and a checkpoint, all of them or nothing.

        Parameters
        ----------
        session_id : int
        n_before : int
            Cases whose results should be there already.
        rows : sequence of dict
            Of `RESULTS`, at least one, without session and position.
        seconds : float
            That all runs of this session have taken.

        Raises
        ------
        StudyError
            Also when another process has written meanwhile.
        """
        n_now = n_before + len(rows)
        ours = (SESSIONS.c.id == session_id) & (SESSIONS.c.processed_cases == n_before)
        with self._transaction() as connection:
            moved = connection.execute(
                sa.update(SESSIONS)
                .where(ours)
                .values(processed_cases=n_now, updated_at=_now(), total_processing_time_s=seconds)
            )
            if moved.rowcount != 1:
                raise StudyError(
                    f"session {session_id}: another process works on it; run the same command "
                    "again when that has ended"
                )
            placed = [
                {"session_id": session_id, "position": n_before + i} | row
                for i, row in enumerate(rows)
            ]
            connection.execute(sa.insert(RESULTS), placed)
            checkpoint = {"processed_cases": n_now, "written_at": _now()}
            connection.execute(sa.insert(CHECKPOINTS).values(session_id=session_id, **checkpoint))

    def read_results(self, session_id: int, cases: range) -> list[sa.Row[tuple[object, ...]]]:
        """Return the results of some cases, by their positions.

        Raises
        ------
        StudyError
            Also when some of them are missing.
        """
        at = RESULTS.c.position
        here = (RESULTS.c.session_id == session_id) & at.between(cases.start, cases.stop - 1)
        with self._transaction() as connection:
            rows = connection.execute(sa.select(RESULTS).where(here).order_by(at)).all()
        if [row.position for row in rows] != list(cases):
            raise StudyError(
                f"session {session_id}: some of its results were removed; start a new one with "
                "--no-resume"
            )
        return list(rows)

    def finish(
        self, session_id: int, measured: Mapping[str, object], performance: Sequence[Row]
    ) -> None:
        """Write what a session measured, overall and site by site; it is completed then."""
        now = _now()
        values = {"status": SessionStatus.COMPLETED, "finished_at": now, "updated_at": now}
        with self._transaction() as connection:
            connection.execute(
                sa.update(SESSIONS).where(SESSIONS.c.id == session_id).values(**values, **measured)
            )
            rows = [{"session_id": session_id} | row for row in performance]
            connection.execute(sa.insert(PERFORMANCE), rows)

    def interrupt(self, session_id: int, seconds: float) -> None:
        """Say that nobody works on a session any more."""
        values = {"status": SessionStatus.INTERRUPTED, "updated_at": _now()}
        with self._transaction() as connection:
            connection.execute(
                sa.update(SESSIONS)
                .where(SESSIONS.c.id == session_id)
                .values(total_processing_time_s=seconds, **values)
            )

    def _go_on(self, connection: sa.Connection, found: sa.Row[tuple[object, ...]]) -> OpenSession:
        name = f"session {found.id} ({found.experiment_name})"
        if not self._locks.take(found.id):
            raise StudyError(
                f"{name} is running in another process; wait for it, or give another "
                "--experiment-name"
            )
        values = {"status": SessionStatus.RUNNING, "updated_at": _now()}
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id == found.id).values(**values))
        n_done, total = found.processed_cases, found.total_cases
        killed = found.status == SessionStatus.RUNNING
        note = (
            f"{name} {'ended without a word' if killed else 'was interrupted'} at {n_done:,} of "
            f"{total:,} cases: going on from there"
        )
        return OpenSession(found.id, n_done, found.total_processing_time_s, note)

    def _begin(
        self,
        connection: sa.Connection,
        identity: SessionIdentity,
        counts: tuple[int, int],
        note: str | None,
    ) -> OpenSession:
        total_cases, errors = counts
        now = _now()
        inserted = connection.execute(
            sa.insert(SESSIONS).values(
                **identity._asdict(),
                status=SessionStatus.RUNNING,
                started_at=now,
                updated_at=now,
                total_cases=total_cases,
                processed_cases=0,
                errors=errors,
                total_processing_time_s=0.0,
            )
        )
        (session_id,) = inserted.inserted_primary_key or (0,)
        self._locks.take(session_id)
        shown = f"a new session ({session_id}) begins: {note}" if note else None
        return OpenSession(session_id, 0, 0.0, shown)

    def _mark_abandoned(self, connection: sa.Connection, ours: int) -> None:
        """Call interrupted what says that it runs and belongs to no living process."""
        running = sa.select(SESSIONS.c.id).where(
            SESSIONS.c.status == SessionStatus.RUNNING, SESSIONS.c.id != ours
        )
        for session_id in connection.scalars(running).all():
            if self._locks.is_abandoned(session_id):
                connection.execute(
                    sa.update(SESSIONS)
                    .where(SESSIONS.c.id == session_id)
                    .values(status=SessionStatus.INTERRUPTED)
                )

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._translated(), self._database.begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise cannot_use(self._url, error) from None


def _newest(connection: sa.Connection, **like: str) -> sa.Row[tuple[object, ...]] | None:
    """Return the last session whose columns are these."""
    return connection.execute(
        sa.select(SESSIONS)
        .where(*(SESSIONS.c[name] == value for name, value in like.items()))
        .order_by(SESSIONS.c.id.desc())
        .limit(1)
    ).one_or_none()


def _what_changed(newest: sa.Row[tuple[object, ...]], identity: SessionIdentity) -> str | None:
    """Say why the newest session of this name is another one's; None when it is not."""
    words = {
        "data_sha256": "the data",
        "configuration_sha256": "the configuration",
        "engine_sha256": "the engine",
    }
    changed = [
        what for name, what in words.items() if getattr(newest, name) != getattr(identity, name)
    ]
    if not changed:
        return None
    return f"{' and '.join(changed)} changed since session {newest.id} ({newest.experiment_name})"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
