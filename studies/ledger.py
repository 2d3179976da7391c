"""Hands out the trials of a study to workers, and takes them back finished, in order.

The database has finished trials only, numbered without a gap, at every moment. A worker leases a
block of numbers and runs it; it brings the block back when all trials before it are there. What a
worker had not brought back when it died is run again by another one, with the same numbers. Who is
alive is known from locks that end with the process (`objectives.process_locks`), not from clocks;
and whoever was wrongly taken for dead finds that his lease is another's, and writes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from optuna.storages._rdb import models

from engine.errors import StudyError
from studies.ledger_tables import LEASES, SEARCHES, make_tables
from studies.records import reading
from studies.trial_writer import TrialWriter

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

    from studies.schedule import Schedule
    from studies.worker import Worker

STOP_REASON = "stop_reason"
_ATTRIBUTES: sa.Table = models.StudyUserAttributeModel.__table__


class SearchState(StrEnum):
    """Whether workers should go on with a study."""

    OPEN = "open"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass
class Block:
    """Trials that this worker has leased.

    Attributes
    ----------
    first, stop : int
        Numbers of the first trial that is not in the database, and of the first one beyond.
    lane : int
        As `studies.samplers.Tried`.
    records : list of FrozenTrial
        Those that have run, from `first` on.
    """

    first: int
    stop: int
    lane: int
    records: list[FrozenTrial] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Of the trial to run next."""
        return self.first + len(self.records)


class _Lease(NamedTuple):
    """A row of the table of leases."""

    first: int
    stop: int
    lane: int
    worker_id: int | None


class Answer(NamedTuple):
    """What a visit to the database has brought.

    Attributes
    ----------
    state : SearchState
    budget : int
        Trials of the study in all.
    n_trials : int
        Trials that are in the database.
    n_leased : int
        Trials that are in the database or leased to somebody: the number of the next one.
    kept : list of Block
        Blocks that this worker still has, those whose turn has not come and a new one included.
    is_lost : bool
        Whether another worker has taken over trials that this one had run.
    """

    state: SearchState
    budget: int
    n_trials: int
    n_leased: int
    kept: list[Block]
    is_lost: bool


class Ledger:
    """The leases of one study, for one worker.

    Parameters
    ----------
    storage : RDBStorage
    study_name : str
    worker : Worker
    schedule : Schedule
    """

    def __init__(
        self, storage: RDBStorage, study_name: str, worker: Worker, schedule: Schedule
    ) -> None:
        self._writer = TrialWriter(storage, study_name)
        self._name = study_name
        self._worker = worker
        self._study_id = self._writer.study_id
        self.schedule = schedule

    def announce(self) -> None:
        """Say that the worker is busy with this study."""
        self._worker.works_on(self._study_id)

    def visit(
        self,
        blocks: Sequence[Block],
        n_wanted: int | None = None,
        *,
        leave: bool = False,
        end: str = "",
        judged: int | None = None,
    ) -> Answer:
        """Bring back what has run and lease what comes next, all in one transaction.

        Visiting once more with the same blocks changes nothing: a connection that is lost during
        the commit leaves open whether it has happened.

        Parameters
        ----------
        blocks : sequence of Block
            All that this worker has, in order.
        n_wanted : int or None
            Trials to lease when the worker has none left to run; 0 takes over those of a dead
            worker only, None nothing.
        leave : bool
            Let go of what is left of the blocks, and of what cannot be written yet.
        end : str
            Why the study is finished, or this run, when it leaves.
        judged : int, optional
            The budget at which it is finished: with another one meanwhile it is not.

        Raises
        ------
        StudyError
            When the study was deleted.
        sqlalchemy.exc.SQLAlchemyError
        """
        self._worker.keep()
        with self._writer.locked() as connection:
            state, budget = self._search(connection)
            leases = self._leases(connection)
            kept, is_lost = [], False
            for block in blocks:
                rest = self._take_back(connection, leases.get(block.stop), block)
                is_lost |= rest is None
                if rest and rest.first < rest.stop:
                    kept.append(rest)
            n_trials = self._writer.count(connection)
            is_finished = not leave and judged in (None, budget)
            # one that has ended already has said why
            if end and state is SearchState.OPEN and (leave or is_finished):
                self._say_why(connection, end)
                if is_finished:
                    state = SearchState.FINISHED
                    self._close(connection, state)
            if leave or state is not SearchState.OPEN:
                self._let_go(connection)
                kept = []
            elif n_wanted is not None and not any(one.number < one.stop for one in kept):
                held = {one.stop for one in kept}
                new = self._lease(connection, held, n_trials, n_wanted, budget)
                kept = sorted([*kept, new] if new else kept, key=lambda one: one.first)
            n_leased = max([n_trials, *self._leases(connection)])
        return Answer(state, budget, n_trials, n_leased, kept, is_lost)

    def _search(self, connection: sa.Connection) -> tuple[SearchState, int]:
        ours = SEARCHES.c.study_id == self._study_id
        search = connection.execute(sa.select(SEARCHES).where(ours)).one_or_none()
        if search is None:
            raise StudyError(f"study {self._name!r} was never submitted; submit it first")
        with reading(self._name):
            return SearchState(search.state), int(search.budget)

    def _leases(self, connection: sa.Connection) -> dict[int, _Lease]:
        """Return the leases of the study by where they stop, in order."""
        ours = LEASES.c.study_id == self._study_id
        rows = connection.execute(sa.select(LEASES).where(ours).order_by(LEASES.c.first)).all()
        with reading(self._name):
            return {
                int(row.stop): _Lease(
                    int(row.first),
                    int(row.stop),
                    int(row.lane),
                    None if row.worker_id is None else int(row.worker_id),
                )
                for row in rows
            }

    def _take_back(
        self, connection: sa.Connection, lease: _Lease | None, block: Block
    ) -> Block | None:
        """Write what a block has run, if it is its turn; return the rest, None of a lost one."""
        now = block.number
        if lease and lease.worker_id == self._worker.id and lease.first == block.first:
            if block.records and self._writer.append(connection, block.records, block.first):
                self._move(connection, block.stop, now)
                return Block(now, block.stop, block.lane)
            return block
        # Perhaps it was written by a visit of which nothing was heard.
        is_there = self._writer.is_written(connection, block.records, block.first)
        if not block.records or not is_there or (lease and lease.first != now):
            return None
        if lease and lease.worker_id not in (self._worker.id, None):
            return None
        is_ours = lease is not None and lease.worker_id == self._worker.id
        return Block(now, block.stop if is_ours else now, block.lane)

    def _lease_until(self, stop: int) -> sa.ColumnElement[bool]:
        return (LEASES.c.study_id == self._study_id) & (LEASES.c.stop == stop)

    def _move(self, connection: sa.Connection, stop: int, first: int) -> None:
        """Shorten a lease to the trials from `first` on."""
        this = self._lease_until(stop)
        if first < stop:
            connection.execute(sa.update(LEASES).where(this).values(first=first))
        else:
            connection.execute(sa.delete(LEASES).where(this))

    def _lease(
        self,
        connection: sa.Connection,
        held: Container[int],
        n_trials: int,
        n_wanted: int,
        budget: int,
    ) -> Block | None:
        """Take over the first trials that nobody runs, or else new ones.

        Those that are this worker's, but not held by it, come from a visit of which nothing was
        heard.
        """
        leases = self._leases(connection).values()
        for lease in leases:
            is_unheard = lease.worker_id == self._worker.id and lease.stop not in held
            if lease.worker_id is None or is_unheard or self._worker.is_gone(lease.worker_id):
                this = self._lease_until(lease.stop)
                connection.execute(sa.update(LEASES).where(this).values(worker_id=self._worker.id))
                return Block(lease.first, lease.stop, lease.lane)
        first = max([n_trials, *(lease.stop for lease in leases)])
        numbers = self.schedule.next_block(first, n_trials, n_wanted, budget)
        if not numbers:
            return None
        others = {lease.lane for lease in leases if lease.worker_id != self._worker.id}
        lane = min({*range(len(others) + 1)} - others)
        connection.execute(
            sa.insert(LEASES).values(
                study_id=self._study_id,
                stop=numbers.stop,
                first=numbers.start,
                lane=lane,
                worker_id=self._worker.id,
            )
        )
        return Block(numbers.start, numbers.stop, lane)

    def _let_go(self, connection: sa.Connection) -> None:
        """Leave this worker's trials to others."""
        ours = (LEASES.c.study_id == self._study_id) & (LEASES.c.worker_id == self._worker.id)
        connection.execute(sa.update(LEASES).where(ours).values(worker_id=None))

    def _close(self, connection: sa.Connection, state: SearchState) -> None:
        ours = SEARCHES.c.study_id == self._study_id
        connection.execute(sa.update(SEARCHES).where(ours).values(state=state))
        connection.execute(sa.delete(LEASES).where(LEASES.c.study_id == self._study_id))

    def _say_why(self, connection: sa.Connection, reason: str) -> None:
        """Keep why the study ended as an attribute of the study, for the dashboard, too."""
        this = (_ATTRIBUTES.c.study_id == self._study_id) & (_ATTRIBUTES.c.key == STOP_REASON)
        value = {"value_json": json.dumps(reason)}
        moved = connection.execute(sa.update(_ATTRIBUTES).where(this).values(**value))
        if moved.rowcount == 0:
            ours = {"study_id": self._study_id, "key": STOP_REASON}
            connection.execute(sa.insert(_ATTRIBUTES).values(**ours, **value))


def offer(storage: RDBStorage, study_name: str, budget: int) -> None:
    """Let workers run a study, up to so many trials; a finished or cancelled one goes on."""
    make_tables(storage.engine)
    writer = TrialWriter(storage, study_name)
    ours = SEARCHES.c.study_id == writer.study_id
    values = {"state": SearchState.OPEN, "budget": budget}
    with writer.locked() as connection:
        moved = connection.execute(sa.update(SEARCHES).where(ours).values(**values))
        if moved.rowcount == 0:
            connection.execute(sa.insert(SEARCHES).values(study_id=writer.study_id, **values))
        # SQLite uses the id of a study again that another program has deleted
        leases = LEASES.c.study_id == writer.study_id
        first = connection.scalar(sa.select(sa.func.min(LEASES.c.first)).where(leases))
        if first is not None and first != writer.count(connection):
            connection.execute(sa.delete(LEASES).where(leases))
