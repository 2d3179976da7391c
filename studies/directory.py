"""The studies of a database: which there are, how far they are, and who works on them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import optuna
import sqlalchemy as sa
from optuna.storages._rdb import models
from optuna.trial import TrialState

from engine.errors import StudyError
from objectives.process_locks import WORKERS as WORKER_NUMBERS
from objectives.process_locks import ProcessLocks
from studies.ledger import SearchState
from studies.ledger_tables import LEASES, SEARCHES, WORKERS, make_tables
from studies.records import reading
from studies.trial_writer import TRIALS, TrialWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.storages import RDBStorage

_STUDIES: sa.Table = models.StudyModel.__table__
_VALUES: sa.Table = models.TrialValueModel.__table__
_TRIAL_ATTRIBUTES: sa.Table = models.TrialSystemAttributeModel.__table__
_RECENT = timedelta(seconds=60)  # before the last trial: they tell how fast a study is


class OpenStudy(NamedTuple):
    """A study that workers should run."""

    study_id: int
    name: str


class StudyStatus(NamedTuple):
    """How far a study is.

    Attributes
    ----------
    name : str
    state : str
        A `studies.ledger.SearchState`; ``not submitted`` of another program's or version's study.
    n_trials : int
    budget : int or None
        Trials in all; None of a study that was not submitted.
    best : float or None
        Value of the best feasible trial, [0, 1].
    gain : float or None
        That less the value of the current weights.
    n_workers : int
        Processes that work on it now.
    rate : float or None
        Trials a second, over the last ones; None while nobody works on it.
    seconds_left : float or None
        Until its budget is met at that rate; a study may end sooner.
    """

    name: str
    state: str
    n_trials: int
    budget: int | None
    best: float | None
    gain: float | None
    n_workers: int
    rate: float | None
    seconds_left: float | None


def open_studies(storage: RDBStorage) -> list[OpenStudy]:
    """Return the studies that workers should run, the oldest first."""
    make_tables(storage.engine)
    query = (
        sa.select(_STUDIES.c.study_id, _STUDIES.c.study_name)
        .join(SEARCHES, SEARCHES.c.study_id == _STUDIES.c.study_id)
        .where(SEARCHES.c.state == SearchState.OPEN)
        .order_by(_STUDIES.c.study_id)
    )
    with storage.engine.begin() as connection:
        return [OpenStudy(*row) for row in connection.execute(query)]


def list_studies(storage: RDBStorage) -> list[StudyStatus]:
    """Return how far every study is, the oldest first.

    Raises
    ------
    StudyError
        When a study is damaged.
    """
    make_tables(storage.engine)
    busy = [worker.study_id for worker in _alive(storage)]
    with storage.engine.begin() as connection:
        searches = {row.study_id: row for row in connection.execute(sa.select(SEARCHES))}
        studies = connection.execute(sa.select(_STUDIES).order_by(_STUDIES.c.study_id)).all()
        return [
            _status(connection, row, searches.get(row.study_id), busy.count(row.study_id))
            for row in studies
        ]


def _status(
    connection: sa.Connection,
    study: sa.Row[int, str],
    search: sa.Row[int, str, int] | None,
    n_workers: int,
) -> StudyStatus:
    ours = TRIALS.c.study_id == study.study_id
    with reading(study.study_name):
        n_trials = int(connection.scalar(sa.select(sa.func.count()).where(ours)) or 0)
        if search is None:  # what its values mean is not known
            unknown = (None, None, None, n_workers, None, None)
            return StudyStatus(study.study_name, "not submitted", n_trials, *unknown)
        state, budget = SearchState(search.state), int(search.budget)
        best, first = _best(connection, study.study_id)
        rate = _rate(connection, study.study_id) if n_workers else None
    return StudyStatus(
        name=study.study_name,
        state=str(state),
        n_trials=n_trials,
        budget=budget,
        best=best,
        gain=None if best is None or first is None else best - first,
        n_workers=n_workers,
        rate=rate,
        seconds_left=max(budget - n_trials, 0) / rate if rate else None,
    )


def cancel(storage: RDBStorage, name: str) -> None:
    """Let nobody go on with a study; its trials stay, submitted again it goes on.

    Raises
    ------
    StudyError
        When there is no such study, or it is not open.
    """
    study_id = _id_of(storage, name)
    this = SEARCHES.c.study_id == study_id
    with storage.engine.begin() as connection:
        moved = connection.execute(
            sa.update(SEARCHES)
            .where(this, SEARCHES.c.state == SearchState.OPEN)
            .values(state=SearchState.CANCELLED)
        )
    if moved.rowcount == 0:
        raise StudyError(f"study {name!r} is not open: there is nothing to cancel")


def delete(storage: RDBStorage, name: str) -> None:
    """Delete a study with all its trials, for good.

    Raises
    ------
    StudyError
        When there is no such study, or somebody works on it.
    """
    study_id = _id_of(storage, name)
    writer = TrialWriter(storage, name)
    alive = _alive(storage)
    with writer.locked() as connection:
        n_workers = sum(worker.study_id == study_id for worker in alive)
        if n_workers:
            raise StudyError(
                f"study {name!r} has workers ({n_workers}); `radtune cancel` it first, "
                "they then end"
            )
        for table in (LEASES, SEARCHES):
            connection.execute(sa.delete(table).where(table.c.study_id == study_id))
        writer.delete(connection)


def count_trials(storage: RDBStorage, name: str) -> int:
    """Return how many trials a study has.

    Raises
    ------
    StudyError
        When there is no such study.
    """
    _id_of(storage, name)
    writer = TrialWriter(storage, name)
    with storage.engine.begin() as connection:
        return writer.count(connection)


def check_names(storage: RDBStorage, names: Sequence[str]) -> None:
    """Refuse a name that no study has.

    Raises
    ------
    StudyError
    """
    for name in names:
        _id_of(storage, name)


def _id_of(storage: RDBStorage, name: str) -> int:
    make_tables(storage.engine)
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        names = ", ".join(optuna.get_all_study_names(storage)) or "none"
        raise StudyError(f"there is no study {name!r}; there are: {names}") from None


def _alive(storage: RDBStorage) -> Sequence[sa.Row[int, int | None]]:
    """Return the workers whose processes are there."""
    with storage.engine.begin() as connection:
        rows = connection.execute(sa.select(WORKERS.c.id, WORKERS.c.study_id)).all()
    with ProcessLocks(storage.engine, WORKER_NUMBERS) as locks:
        return [row for row in rows if not locks.is_abandoned(row.id)]


def _best(connection: sa.Connection, study_id: int) -> tuple[float | None, float | None]:
    """Return the value of the best feasible trial, and that of trial 0."""
    complete = (
        sa.select(_VALUES.c.value)
        .join(TRIALS, TRIALS.c.trial_id == _VALUES.c.trial_id)
        .where(TRIALS.c.study_id == study_id, TRIALS.c.state == TrialState.COMPLETE)
    )
    broken = sa.exists().where(
        _TRIAL_ATTRIBUTES.c.trial_id == TRIALS.c.trial_id,
        _TRIAL_ATTRIBUTES.c.key.startswith("constraints:", autoescape=True),  # as Optuna has them
        sa.cast(_TRIAL_ATTRIBUTES.c.value_json, sa.Float) > 0,
    )
    best = connection.scalar(complete.where(~broken).order_by(_VALUES.c.value.desc()).limit(1))
    first = connection.scalar(complete.where(TRIALS.c.number == 0))
    return best, first


def _rate(connection: sa.Connection, study_id: int) -> float | None:
    """Return trials a second over the last minute of work; None where the times say nothing."""
    ended = TRIALS.c.datetime_complete
    ours = TRIALS.c.study_id == study_id
    last = connection.scalar(sa.select(sa.func.max(ended)).where(ours))
    if last is None:
        return None
    recent = sa.select(sa.func.count(), sa.func.min(ended)).where(ours, ended > last - _RECENT)
    n_recent, first = connection.execute(recent).one()
    seconds = (last - first).total_seconds()
    return (n_recent - 1) / seconds if seconds > 0 else None
