"""The studies of a database: which are to be run, how far they are, and who runs them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import optuna
import sqlalchemy as sa
import tenacity

from studies.storage.ownership import Ownership
from studies.storage.study_table import STUDIES, StudyState, make_table, writing_to
from studies.storage.trial_records import reading
from studies.storage.trial_writer import bulk_tables
from support.errors import StudyError
from support.process_locks import STUDIES as STUDY_NUMBERS
from support.process_locks import SUBMISSIONS as SUBMISSION_NUMBERS
from support.process_locks import ProcessLocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optuna.storages import RDBStorage

_LONGEST_S = 60.0  # for another process to submit the same study


class OpenStudy(NamedTuple):
    """A study that a worker should run."""

    study_id: int
    name: str


class StudyStatus(NamedTuple):
    """How far a study is.

    Attributes
    ----------
    name : str
    state : str
        A `studies.storage.study_table.StudyState`; ``not submitted`` of another program's study.
    n_trials : int
    budget : int or None
        Trials in all; None of a study that was not submitted.
    best : float or None
        Value of the best feasible trial, [0, 1].
    gain : float or None
        That less the value of the current weights.
    run_by : str or None
        Host and process that run it now.
    rate : float or None
        Trials a second, of late; None while nobody runs it.
    seconds_left : float or None
        Until its budget is met at that rate; a study may end sooner.
    """

    name: str
    state: str
    n_trials: int
    budget: int | None
    best: float | None
    gain: float | None
    run_by: str | None
    rate: float | None
    seconds_left: float | None


@contextmanager
def submitting(storage: RDBStorage, name: str) -> Iterator[None]:
    """Let one process at a time say what a study is; others wait.

    Raises
    ------
    StudyError
        When another process takes more than a minute over it.
    """
    study_id = storage.get_study_id_from_name(name)
    with ProcessLocks(storage.engine, SUBMISSION_NUMBERS) as locks:
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda is_taken: not is_taken),
            wait=tenacity.wait_random(0.01, 0.1),
            stop=tenacity.stop_after_delay(_LONGEST_S),
        )
        try:
            waiting(locks.take, study_id)
        except tenacity.RetryError:
            raise StudyError(
                f"study {name!r}: another process has been submitting it for a minute; try again"
            ) from None
        yield


def offer(storage: RDBStorage, name: str, budget: int) -> None:
    """Let a study be run, up to so many trials; a finished or cancelled one goes on."""
    make_table(storage.engine)
    study_id = storage.get_study_id_from_name(name)
    this = STUDIES.c.study_id == study_id
    values = {"state": StudyState.OPEN, "budget": budget}
    with writing_to(storage.engine) as connection:
        # SQLite uses the id of a study again that another program has deleted
        connection.execute(sa.delete(STUDIES).where(this, STUDIES.c.study_name != name))
        moved = connection.execute(sa.update(STUDIES).where(this).values(**values))
        if moved.rowcount == 0:
            connection.execute(
                sa.insert(STUDIES).values(study_id=study_id, study_name=name, **values)
            )


def open_studies(storage: RDBStorage) -> list[OpenStudy]:
    """Return the studies that should be run, the oldest first."""
    make_table(storage.engine)
    query = (
        sa.select(STUDIES.c.study_id, STUDIES.c.study_name)
        .where(STUDIES.c.state == StudyState.OPEN)
        .order_by(STUDIES.c.study_id)
    )
    with storage.engine.connect() as connection:
        rows = [OpenStudy(*row) for row in connection.execute(query)]
    # a row outlives the study when another program deletes that, and its name may be used again
    return [row for row in rows if _id_or_none(storage, row.name) == row.study_id]


def list_studies(storage: RDBStorage) -> list[StudyStatus]:
    """Return how far every study is, the oldest first.

    Raises
    ------
    StudyError
        When a study is damaged.
    """
    make_table(storage.engine)
    with storage.engine.connect() as connection:
        rows = {
            (row.study_id, row.study_name): row for row in connection.execute(sa.select(STUDIES))
        }
    with ProcessLocks(storage.engine, STUDY_NUMBERS) as locks:
        return [
            _status(storage, study.study_name, rows, locks) for study in storage.get_all_studies()
        ]


def _status(
    storage: RDBStorage,
    name: str,
    rows: dict[tuple[int, str], sa.Row[tuple[object, ...]]],
    locks: ProcessLocks,
) -> StudyStatus:
    study_id = storage.get_study_id_from_name(name)
    row = rows.get((study_id, name))
    if row is None:  # what its values mean is not known
        n_trials = _n_trials(storage, study_id)
        return StudyStatus(name, "not submitted", n_trials, *[None] * 6)
    is_run = row.token is not None and not locks.is_abandoned(study_id)
    with reading(name):
        state, budget, n_trials = StudyState(row.state), int(row.budget), int(row.n_trials)
        best, first = row.best_value, row.baseline_value
        rate = float(row.trials_per_s) if is_run and row.trials_per_s else None
        return StudyStatus(
            name=name,
            state=str(state),
            n_trials=n_trials,
            budget=budget,
            best=best,
            gain=None if best is None or first is None else best - first,
            run_by=f"{row.host} ({row.pid})" if is_run else None,
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
    this = STUDIES.c.study_id == _id_of(storage, name)
    with writing_to(storage.engine) as connection:
        moved = connection.execute(
            sa.update(STUDIES)
            .where(this, STUDIES.c.state == StudyState.OPEN)
            .values(state=StudyState.CANCELLED)
        )
    if moved.rowcount == 0:
        raise StudyError(f"study {name!r} is not open: there is nothing to cancel")


def delete(storage: RDBStorage, name: str) -> None:
    """Delete a study with all its trials, for good.

    Raises
    ------
    StudyTakenError
        When a process runs it.
    StudyError
        When there is no such study.
    """
    _id_of(storage, name)  # or else
    study = optuna.load_study(study_name=name, storage=storage)
    with Ownership(storage, study) as ownership:
        ownership.delete()


def count_trials(storage: RDBStorage, name: str) -> int:
    """Return how many trials a study has.

    Raises
    ------
    StudyError
        When there is no such study.
    """
    return _n_trials(storage, _id_of(storage, name))


def _n_trials(storage: RDBStorage, study_id: int) -> int:
    tables = bulk_tables()
    if tables is None:
        return storage.get_n_trials(study_id)  # reads every one of them
    with storage.engine.connect() as connection:
        return tables.count_trials(connection, study_id)


def check_names(storage: RDBStorage, names: Sequence[str]) -> None:
    """Refuse a name that no study has.

    Raises
    ------
    StudyError
    """
    for name in names:
        _id_of(storage, name)


def _id_or_none(storage: RDBStorage, name: str) -> int | None:
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        return None


def _id_of(storage: RDBStorage, name: str) -> int:
    make_table(storage.engine)
    study_id = _id_or_none(storage, name)
    if study_id is None:
        names = ", ".join(optuna.get_all_study_names(storage)) or "none"
        raise StudyError(f"there is no study {name!r}; there are: {names}")
    return study_id
