"""The right of one process to write the trials of a study.

It holds a lock that ends with the process, and a token in the study's row. Every transaction that
writes locks that row and compares the token and the number of trials: who was taken for dead, or
lost the lock with its connection, finds another token there and writes nothing.
"""

from __future__ import annotations

import os
import platform
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import sqlalchemy as sa
import tenacity

from studies.storage.study_table import STUDIES, StudyState, make_table, writing_to
from studies.storage.trial_records import reading
from studies.storage.trial_writer import bulk_tables
from support.errors import StudyError
from support.process_locks import STUDIES as STUDY_NUMBERS
from support.process_locks import ProcessLocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

STOP_REASON = "stop_reason"
# a lock that is taken for a moment by who looks whether anybody has it, or just let go
_N_TRIES = 3
_PAUSE_S = 0.05


class StudyTakenError(StudyError):
    """Another process runs the study."""

    exit_code: ClassVar[int] = 5


class Standing(NamedTuple):
    """What the study's row says.

    Attributes
    ----------
    state : StudyState
    budget : int
        Trials in all.
    """

    state: StudyState
    budget: int


class Summary(NamedTuple):
    """How far a study is, for those who look.

    Attributes
    ----------
    baseline_value, best_value : float or None
        Of trial 0 and of the best feasible trial, [0, 1].
    trials_per_s : float or None
    """

    baseline_value: float | None
    best_value: float | None
    trials_per_s: float | None


class Ownership(ExitStack):
    """Owns a study, as the one process that writes its trials, until it is closed.

    Parameters
    ----------
    storage : RDBStorage
    study : optuna.Study

    Attributes
    ----------
    study : optuna.Study
    is_open : bool
        Whether somebody should go on with it, when it was taken.

    Raises
    ------
    StudyTakenError
        When another process owns it.
    sqlalchemy.exc.SQLAlchemyError
    """

    def __init__(self, storage: RDBStorage, study: optuna.Study) -> None:
        super().__init__()
        self.study = study
        self.is_open = False
        self._storage = storage
        self._database = storage.engine
        self._study_id = storage.get_study_id_from_name(study.study_name)
        self._this = STUDIES.c.study_id == self._study_id
        self._token = uuid.uuid4().hex
        self._tables = bulk_tables()
        make_table(self._database)
        self._locks = self.enter_context(ProcessLocks(self._database, STUDY_NUMBERS))
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    @property
    def writes_in_bulk(self) -> bool:
        """Whether trials go straight into Optuna's tables, many at a time."""
        return self._tables is not None

    def _take(self) -> None:
        trying = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda is_taken: not is_taken),
            wait=tenacity.wait_fixed(_PAUSE_S),
            stop=tenacity.stop_after_attempt(_N_TRIES),
            retry_error_callback=lambda _: False,
        )
        if not trying(self._locks.take, self._study_id):
            raise StudyTakenError(f"{self._who()}; `radtune status` shows how far it is")
        mine = {"token": self._token, "host": platform.node(), "pid": os.getpid()}
        with writing_to(self._database) as connection:
            row = self._row(connection)
            if row is None or row.study_name != self.study.study_name:
                connection.execute(sa.delete(STUDIES).where(self._this))
                new = {"study_id": self._study_id, "study_name": self.study.study_name}
                connection.execute(
                    sa.insert(STUDIES).values(**new, state=StudyState.CANCELLED, budget=0, **mine)
                )
            else:
                self.is_open = row.state == StudyState.OPEN
                connection.execute(sa.update(STUDIES).where(self._this).values(**mine))

    def _who(self) -> str:
        with self._database.connect() as connection:
            row = connection.execute(sa.select(STUDIES).where(self._this)).one_or_none()
        by = f"process {row.pid} on {row.host}" if row and row.token else "another process"
        return f"study {self.study.study_name!r} is run by {by}"

    def _row(self, connection: sa.Connection) -> sa.Row[tuple[object, ...]] | None:
        return connection.execute(
            sa.select(STUDIES).where(self._this).with_for_update()
        ).one_or_none()

    def _standing(self, connection: sa.Connection) -> Standing:
        """Lock the study's row and see that this process still owns it."""
        name = self.study.study_name
        is_there = self._lock_study(connection)
        row = self._row(connection)
        if row is None or not is_there or row.study_name != name:
            raise StudyError(f"study {name!r} was deleted meanwhile")
        if row.token != self._token:
            raise StudyTakenError(f"{self._who()} now; this one has written nothing since")
        with reading(name):
            return Standing(StudyState(row.state), int(row.budget))

    def _lock_study(self, connection: sa.Connection) -> bool:
        """Keep others from writing trials where that can be done; tell whether it is there."""
        if self._tables:
            return self._tables.lock_study(connection, self._study_id)
        try:
            there = self._storage.get_study_id_from_name(self.study.study_name)
        except KeyError:
            return False
        return there == self._study_id

    def write(
        self, trials: Sequence[FrozenTrial], first_number: int, summary: Summary
    ) -> Standing:
        """Write finished trials, all of them in one transaction, and see how the study stands.

        Done twice it changes nothing more: a connection that is lost during the commit leaves open
        whether it has happened.

        Parameters
        ----------
        trials : sequence of FrozenTrial
        first_number : int
            Number of the first of them: how many trials the study should have.
        summary : Summary

        Raises
        ------
        StudyTakenError
            When another process owns the study now, or has written trials; nothing is written.
        StudyError
            When the study was deleted.
        sqlalchemy.exc.SQLAlchemyError
        """
        self._locks.keep()
        with writing_to(self._database) as connection:
            standing = self._standing(connection)
            n_there = self._count(connection)
            rest = trials[self._n_written(trials, first_number, n_there) :]
            if self._tables and rest:
                self._tables.insert_trials(connection, self._study_id, rest, n_there)
            values = {**summary._asdict(), "n_trials": first_number + len(trials)}
            connection.execute(sa.update(STUDIES).where(self._this).values(**values))
        if not self._tables:
            self.study.add_trials(rest)
        return standing

    def _count(self, connection: sa.Connection) -> int:
        if self._tables:
            return self._tables.count_trials(connection, self._study_id)
        return self._storage.get_n_trials(self._study_id)

    def _n_written(self, trials: Sequence[FrozenTrial], first_number: int, n_there: int) -> int:
        """Return how many of the trials are there, by a write of which nothing was heard."""
        if n_there == first_number:
            return 0
        there = self._storage.get_all_trials(self._study_id, deepcopy=False)[first_number:]
        ours = [(trial.datetime_start, trial.datetime_complete) for trial in trials[: len(there)]]
        if not there or ours != [(one.datetime_start, one.datetime_complete) for one in there]:
            raise StudyTakenError(
                f"study {self.study.study_name!r} has {n_there} trials where {first_number} "
                "should be: another program has written to it; nothing was written"
            )
        return len(there)

    def end(self, reason: str, judged_budget: int | None = None) -> Standing:
        """Note why the study, or this run of it, is over.

        Parameters
        ----------
        reason : str
        judged_budget : int, optional
            The budget at which the study is finished: with another one meanwhile it is not. When
            not given, only this run is over.

        Raises
        ------
        As `write`.
        """
        self._locks.keep()
        with writing_to(self._database) as connection:
            standing = self._standing(connection)
            is_finished = judged_budget == standing.budget
            if standing.state is StudyState.OPEN and is_finished:
                standing = standing._replace(state=StudyState.FINISHED)
                connection.execute(
                    sa.update(STUDIES).where(self._this).values(state=standing.state)
                )
        if judged_budget is None or standing.state is StudyState.FINISHED:
            self.study.set_user_attr(STOP_REASON, reason)
        return standing

    def delete(self) -> None:
        """Delete the study with all its trials, for good.

        Raises
        ------
        As `write`.
        """
        with writing_to(self._database) as connection:
            self._standing(connection)
            if self._tables:
                self._tables.delete_study(connection, self._study_id)
            connection.execute(sa.delete(STUDIES).where(self._this))
        if not self._tables:
            self._storage.delete_study(self._study_id)
