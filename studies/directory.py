"""The studies of a database: which there are, how far they are, and who works on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import optuna
import sqlalchemy as sa
from optuna.storages._rdb import models

from engine.errors import StudyError
from objectives.process_locks import WORKERS as WORKER_NUMBERS
from objectives.process_locks import ProcessLocks
from studies.ledger import SearchState
from studies.ledger_tables import LEASES, SEARCHES, WORKERS, make_tables
from studies.records import feasible_value, reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

_STUDIES: sa.Table = models.StudyModel.__table__
_N_RECENT = 50  # trials that tell how fast a study is


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


def open_studies(storage: RDBStorage) -> list[str]:
    """Return the names of the studies that workers should run, the oldest first."""
    make_tables(storage.engine)
    query = (
        sa.select(_STUDIES.c.study_name)
        .join(SEARCHES, SEARCHES.c.study_id == _STUDIES.c.study_id)
        .where(SEARCHES.c.state == SearchState.OPEN)
        .order_by(_STUDIES.c.study_id)
    )
    with storage.engine.begin() as connection:
        return list(connection.scalars(query))


def list_studies(storage: RDBStorage) -> list[StudyStatus]:
    """Return how far every study is, the oldest first.

    Raises
    ------
    StudyError
        When a study is damaged.
    """
    make_tables(storage.engine)
    with storage.engine.begin() as connection:
        searches = {row.study_id: row for row in connection.execute(sa.select(SEARCHES))}
        studies = connection.execute(sa.select(_STUDIES).order_by(_STUDIES.c.study_id)).all()
    busy = [worker.study_id for worker in _alive(storage)]
    found = []
    for study in studies:
        search = searches.get(study.study_id)
        loaded = optuna.load_study(study_name=study.study_name, storage=storage)
        with reading(study.study_name):
            trials = loaded.get_trials(deepcopy=False)
            state = SearchState(search.state) if search else "not submitted"
            budget = int(search.budget) if search else None
        n_workers = busy.count(study.study_id)
        rate = _rate(trials) if n_workers else None
        ours = trials if search else []  # another program's values may mean anything
        best, first = _best(ours), ours[0].value if ours else None
        n_left = None if budget is None else max(budget - len(trials), 0)
        found.append(
            StudyStatus(
                name=study.study_name,
                state=str(state),
                n_trials=len(trials),
                budget=budget,
                best=best,
                gain=None if best is None or first is None else best - first,
                n_workers=n_workers,
                rate=rate,
                seconds_left=n_left / rate if rate and n_left is not None else None,
            )
        )
    return found


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
    n_workers = sum(worker.study_id == study_id for worker in _alive(storage))
    if n_workers:
        raise StudyError(
            f"study {name!r} has workers ({n_workers}); `radtune cancel` it first, they then end"
        )
    with storage.engine.begin() as connection:
        for table in (LEASES, SEARCHES):
            connection.execute(sa.delete(table).where(table.c.study_id == study_id))
    optuna.delete_study(study_name=name, storage=storage)


def count_trials(storage: RDBStorage, name: str) -> int:
    """Return how many trials a study has.

    Raises
    ------
    StudyError
        When there is no such study.
    """
    _id_of(storage, name)
    return len(optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False))


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


def _best(trials: Sequence[FrozenTrial]) -> float | None:
    return max(
        (value for one in trials if (value := feasible_value(one)) is not None), default=None
    )


def _rate(trials: Sequence[FrozenTrial]) -> float | None:
    """Return trials a second over the last ones; None where the times say nothing."""
    times: list[datetime] = [
        one.datetime_complete for one in trials[-_N_RECENT:] if one.datetime_complete
    ]
    if not times or times[-1] <= times[0]:  # a clock may have been set back
        return None
    return (len(times) - 1) / (times[-1] - times[0]).total_seconds()
