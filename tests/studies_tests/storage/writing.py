"""Finished trials, the rows that they become, and the lock of who writes them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, create_trial

from studies.storage import optuna_tables
from studies.storage.study_table import writing_to
from support.process_locks import STUDIES, ProcessLocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.storages import RDBStorage

    from studies.storage.ownership import Ownership

_BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001 - as Optuna


class Trials:
    """Makes finished trials that no two are the same of."""

    def __init__(self) -> None:
        self._n_made = 0

    def __call__(self, n_trials: int) -> list[FrozenTrial]:
        return [self._one() for _ in range(n_trials)]

    def _one(self) -> FrozenTrial:
        self._n_made += 1
        trial = create_trial(
            value=self._n_made / 1000,
            params={"x": 0.5},
            distributions={"x": FloatDistribution(0, 1)},
        )
        trial.datetime_start = _BEGIN + timedelta(seconds=self._n_made)
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=1)
        return trial


def values_of(trials: Sequence[FrozenTrial]) -> list[float | None]:
    return [trial.value for trial in trials]


def write(storage: RDBStorage, trials: Sequence[FrozenTrial], name: str = "study") -> None:
    """Write trials behind those that are there, whoever owns the study."""
    study_id = storage.get_study_id_from_name(name)
    with writing_to(storage.engine) as connection:
        assert optuna_tables.lock_study(connection, study_id)
        n_there = optuna_tables.count_trials(connection, study_id)
        optuna_tables.insert_trials(connection, study_id, trials, n_there)


def lose_lock(ownership: Ownership) -> None:
    """Let an owner lose its lock without hearing of it: its connection was cut, say."""
    ownership._locks.close()
    ownership._locks = ownership.enter_context(ProcessLocks(ownership._database, STUDIES))


def rows_of(storage: RDBStorage) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that the database has, its keys included."""
    tables = sa.MetaData()
    tables.reflect(storage.engine)
    with storage.engine.connect() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(table.select()))
            for table in tables.sorted_tables
        }
