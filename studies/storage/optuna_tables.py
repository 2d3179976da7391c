"""Optuna's private tables: write many finished trials in one transaction.

The one file that knows how Optuna keeps trials. `trial_writer` imports it only for the versions
of Optuna that it was tested with.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

import sqlalchemy as sa
from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_Row = dict[str, object]

SCHEMA_VERSION: int = models.SCHEMA_VERSION
_STUDIES: sa.Table = models.StudyModel.__table__
_TRIALS: sa.Table = models.TrialModel.__table__
_VALUES: sa.Table = models.TrialValueModel.__table__
_PARAMS: sa.Table = models.TrialParamModel.__table__
_REPORTS: sa.Table = models.TrialIntermediateValueModel.__table__
_USER_ATTRS: sa.Table = models.TrialUserAttributeModel.__table__
_SYSTEM_ATTRS: sa.Table = models.TrialSystemAttributeModel.__table__


def lock_study(connection: sa.Connection, study_id: int) -> bool:
    """Take the lock under which Optuna, too, makes trials; tell whether the study is there.

    Whoever comes later gets higher trial ids and commits later. Optuna's cache asks for ids above
    the highest it has seen: lower ones that come late it never sees.
    """
    study = sa.select(_STUDIES.c.study_id).where(_STUDIES.c.study_id == study_id)
    return connection.scalar(study.with_for_update()) is not None


def count_trials(connection: sa.Connection, study_id: int) -> int:
    """Return how many trials a study has; Optuna counts them to number the next one."""
    ours = _TRIALS.c.study_id == study_id
    return connection.scalar(sa.select(sa.func.count()).where(ours)) or 0


def delete_study(connection: sa.Connection, study_id: int) -> None:
    """Delete a study with everything of it; Optuna reads every trial of it first."""
    trials = sa.select(_TRIALS.c.trial_id).where(_TRIALS.c.study_id == study_id)
    for table in reversed(models.BaseModel.metadata.sorted_tables):
        if "study_id" in table.c:
            connection.execute(sa.delete(table).where(table.c.study_id == study_id))
        elif "trial_id" in table.c:
            connection.execute(sa.delete(table).where(table.c.trial_id.in_(trials)))


def insert_trials(
    connection: sa.Connection, study_id: int, trials: Sequence[FrozenTrial], first_number: int
) -> None:
    """Insert finished trials as Optuna's ``Study.add_trials`` does, row by row.

    Optuna makes one transaction and some 70 statements for each trial.
    ``test_trial_writer.py`` compares the rows on SQLite and PostgreSQL.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that holds the lock of `lock_study`.
    study_id : int
    trials : sequence of FrozenTrial
        Finished; their own numbers do not count. Optuna compares each distribution with those of
        earlier trials, this does not.
    first_number : int
        How many trials the study has.

    Raises
    ------
    ValueError
        When a trial is not finished, or has not one value.
    sqlalchemy.exc.SQLAlchemyError
    """
    for trial in trials:
        _check(trial)
    rows: list[_Row] = [
        {
            "number": number,
            "study_id": study_id,
            "state": trial.state,
            "datetime_start": _utc(trial.datetime_start),
            "datetime_complete": _utc(trial.datetime_complete),
        }
        for number, trial in enumerate(trials, start=first_number)
    ]
    connection.execute(_TRIALS.insert(), rows)
    ids = connection.scalars(
        sa.select(_TRIALS.c.trial_id)
        .where(_TRIALS.c.study_id == study_id, _TRIALS.c.number >= first_number)
        .order_by(_TRIALS.c.number)
    )
    parts: dict[sa.Table, list[_Row]] = {}
    written = _Distributions()
    for trial_id, trial in zip(ids, trials, strict=True):
        for table, found in _parts(trial, written).items():
            parts.setdefault(table, []).extend({"trial_id": trial_id, **row} for row in found)
    for table, found in parts.items():
        if found:
            _insert(connection, table, found)


def _check(trial: FrozenTrial) -> None:
    if not trial.state.is_finished():
        raise ValueError(f"only finished trials can be written, got {trial.state.name}")
    if trial.values is not None and len(trial.values) != 1:
        raise ValueError(f"a trial has {len(trial.values)} values, the study has one")


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[_Row]) -> None:
    """Insert rows; into PostgreSQL as one document, several times as fast as row by row."""
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), rows)
        return
    columns = [sa.column(name, table.c[name].type) for name in rows[0]]
    text = json.dumps(rows, default=lambda member: member.name)
    document = sa.cast(sa.literal(text, sa.Text), sa.JSON)
    found = sa.func.json_to_recordset(document).table_valued(*columns)
    query = sa.select(found.render_derived(with_types=True))
    connection.execute(table.insert().from_select(list(rows[0]), query))


class _Distributions(dict[int, str]):
    """Distributions as Optuna writes them; trials share the objects, and each costs 9 us."""

    def json_of(self, distribution: BaseDistribution) -> str:
        """Return one, by its id: it must live as long as this."""
        if id(distribution) not in self:
            self[id(distribution)] = distribution_to_json(distribution)
        return self[id(distribution)]


def _parts(trial: FrozenTrial, written: _Distributions) -> dict[sa.Table, list[_Row]]:
    """Return the rows of one trial outside the table of trials, as Optuna writes them."""
    return {
        _VALUES: [_value_row(n, value) for n, value in enumerate(trial.values or ())],
        _PARAMS: [_param_row(trial, name, written) for name in trial.params],
        _USER_ATTRS: _attr_rows(trial.user_attrs),
        _SYSTEM_ATTRS: _attr_rows(trial.system_attrs),  # Optuna keeps constraints here
        _REPORTS: [_report_row(step, x) for step, x in trial.intermediate_values.items()],
    }


def _value_row(objective: int, value: float) -> _Row:
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"objective": objective, "value": stored, "value_type": kind}


def _param_row(trial: FrozenTrial, name: str, written: _Distributions) -> _Row:
    distribution = trial.distributions[name]
    return {
        "param_name": name,
        "param_value": distribution.to_internal_repr(trial.params[name]),
        "distribution_json": written.json_of(distribution),
    }


def _attr_rows(attrs: Mapping[str, object]) -> list[_Row]:
    return [{"key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]


def _report_row(step: int, value: float) -> _Row:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}


def _utc(local: datetime | None) -> datetime | None:
    """Return a local time as Optuna stores it: UTC, without saying so."""
    return None if local is None else local.astimezone(UTC).replace(tzinfo=None)
