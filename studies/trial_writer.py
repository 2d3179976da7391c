"""Write finished trials into Optuna's tables, many in one transaction."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING

import sqlalchemy as sa
from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models

from engine.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

_Row = dict[str, object]

_STUDIES: sa.Table = models.StudyModel.__table__
TRIALS: sa.Table = models.TrialModel.__table__
_VALUES: sa.Table = models.TrialValueModel.__table__
_PARAMS: sa.Table = models.TrialParamModel.__table__
_REPORTS: sa.Table = models.TrialIntermediateValueModel.__table__
_USER_ATTRS: sa.Table = models.TrialUserAttributeModel.__table__
_SYSTEM_ATTRS: sa.Table = models.TrialSystemAttributeModel.__table__


class TrialWriter:
    """Writes finished trials of one study.

    Optuna's ``Study.add_trials`` makes one transaction and some 70 statements for each trial;
    this makes one transaction for all. What arrives is the same, row by row:
    ``tests/studies_tests/test_trial_writer.py`` compares them on SQLite and PostgreSQL.

    Parameters
    ----------
    storage : RDBStorage
        Its tables and its engine are no public interface of Optuna.
    study_name : str

    Raises
    ------
    KeyError
        When there is no such study.
    """

    def __init__(self, storage: RDBStorage, study_name: str) -> None:
        self._engine = storage.engine
        self._study_name = study_name
        self.study_id = storage.get_study_id_from_name(study_name)
        self._n_objectives = len(storage.get_study_directions(self.study_id))

    @contextmanager
    def locked(self) -> Iterator[sa.Connection]:
        """Begin a transaction in which nobody else writes trials of the study.

        Raises
        ------
        StudyError
            When the study was deleted.
        sqlalchemy.exc.SQLAlchemyError
        """
        with self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":  # a server may say otherwise
                connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                self._lock_study(connection)
                yield connection

    def append(
        self, connection: sa.Connection, trials: Sequence[FrozenTrial], first_number: int
    ) -> bool:
        """Write `trials`, within `locked`, if they are the study's next ones, all of them or none.

        Parameters
        ----------
        connection : sqlalchemy.Connection
        trials : sequence of FrozenTrial
            Finished, as ``optuna.trial.create_trial`` makes them; their own numbers do not count.
            Optuna compares each distribution with those of earlier trials, this does not.
        first_number : int
            Number of the first of them: how many trials the study should have.

        Returns
        -------
        bool
            False when the study has more trials, or fewer: nothing is written.

        Raises
        ------
        ValueError
            When a trial is not finished, or has another number of values than the study.
        sqlalchemy.exc.SQLAlchemyError
            When the database does not take them.
        """
        for trial in trials:
            self._check(trial)
        if self.count(connection) != first_number:
            return False
        if not trials:
            return True
        rows = [
            {
                "number": number,
                "study_id": self.study_id,
                "state": trial.state,
                "datetime_start": _utc(trial.datetime_start),
                "datetime_complete": _utc(trial.datetime_complete),
            }
            for number, trial in enumerate(trials, start=first_number)
        ]
        connection.execute(TRIALS.insert(), rows)
        there = self._trials_from(connection, first_number)
        _insert_parts(connection, [row.trial_id for row in there], trials)
        return True

    def count(self, connection: sa.Connection) -> int:
        """Return how many trials the study has; Optuna counts them to number the next one."""
        ours = TRIALS.c.study_id == self.study_id
        return connection.scalar(sa.select(sa.func.count()).where(ours)) or 0

    def delete(self, connection: sa.Connection) -> None:
        """Delete the study with everything of it, within `locked`."""
        trials = sa.select(TRIALS.c.trial_id).where(TRIALS.c.study_id == self.study_id)
        for table in reversed(models.BaseModel.metadata.sorted_tables):
            if "study_id" in table.c:
                connection.execute(sa.delete(table).where(table.c.study_id == self.study_id))
            elif "trial_id" in table.c:
                connection.execute(sa.delete(table).where(table.c.trial_id.in_(trials)))

    def is_written(
        self, connection: sa.Connection, trials: Sequence[FrozenTrial], first_number: int
    ) -> bool:
        """Tell whether the trials from `first_number` on are these, by when they ran."""
        there = self._trials_from(connection, first_number)[: len(trials)]
        return [(row.datetime_start, row.datetime_complete) for row in there] == [
            (_utc(trial.datetime_start), _utc(trial.datetime_complete)) for trial in trials
        ]

    def _check(self, trial: FrozenTrial) -> None:
        if not trial.state.is_finished():
            raise ValueError(f"only finished trials can be written, got {trial.state.name}")
        if trial.values is not None and len(trial.values) != self._n_objectives:
            raise ValueError(
                f"a trial has {len(trial.values)} values, the study {self._n_objectives}"
            )

    def _lock_study(self, connection: sa.Connection) -> None:
        """Take the lock under which Optuna, too, makes trials, before anything is read.

        Whoever comes later gets higher trial ids and commits later. Optuna's cache asks for ids
        above the highest it has seen: lower ones that come late it never sees.
        """
        if connection.dialect.name == "sqlite":
            # SQLite knows no FOR UPDATE; its one write lock must not wait for the first insert.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        study = sa.select(_STUDIES.c.study_id).where(_STUDIES.c.study_id == self.study_id)
        if connection.scalar(study.with_for_update()) is None:
            raise StudyError(f"study {self._study_name!r} was deleted meanwhile")

    def _trials_from(
        self, connection: sa.Connection, first_number: int
    ) -> Sequence[sa.Row[int, datetime | None, datetime | None]]:
        """Return ids and times (UTC) of the trials from a number on, in order."""
        return connection.execute(
            sa.select(TRIALS.c.trial_id, TRIALS.c.datetime_start, TRIALS.c.datetime_complete)
            .where(TRIALS.c.study_id == self.study_id, TRIALS.c.number >= first_number)
            .order_by(TRIALS.c.number)
        ).all()


def _insert_parts(
    connection: sa.Connection, trial_ids: Sequence[int], trials: Sequence[FrozenTrial]
) -> None:
    """Insert everything that hangs on the trials, table by table."""
    parts: dict[sa.Table, list[_Row]] = {}
    for trial_id, trial in zip(trial_ids, trials, strict=True):
        for table, rows in _parts(trial).items():
            parts.setdefault(table, []).extend({"trial_id": trial_id, **row} for row in rows)
    for table, rows in parts.items():
        if rows:
            connection.execute(table.insert(), rows)


def _parts(trial: FrozenTrial) -> dict[sa.Table, list[_Row]]:
    """Return the rows of one trial outside the table of trials, as Optuna writes them."""
    return {
        _VALUES: [_value_row(n, value) for n, value in enumerate(trial.values or ())],
        _PARAMS: [_param_row(trial, name) for name in trial.params],
        _USER_ATTRS: _attr_rows(trial.user_attrs),
        _SYSTEM_ATTRS: _attr_rows(trial.system_attrs),  # Optuna keeps constraints here
        _REPORTS: [_report_row(step, x) for step, x in trial.intermediate_values.items()],
    }


def _value_row(objective: int, value: float) -> _Row:
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"objective": objective, "value": stored, "value_type": kind}


def _param_row(trial: FrozenTrial, name: str) -> _Row:
    distribution = trial.distributions[name]
    return {
        "param_name": name,
        "param_value": distribution.to_internal_repr(trial.params[name]),
        "distribution_json": distribution_to_json(distribution),
    }


def _attr_rows(attrs: Mapping[str, object]) -> list[_Row]:
    return [{"key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]


def _report_row(step: int, value: float) -> _Row:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}


def _utc(local: datetime | None) -> datetime | None:
    """Return a local time as Optuna stores it: UTC, without saying so."""
    return None if local is None else local.astimezone(UTC).replace(tzinfo=None)
