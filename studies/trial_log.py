"""Finished trials on their way to the database, where they arrive in batches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from studies.records import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    import optuna
    from optuna.trial import FrozenTrial

    from studies.trial_writer import TrialWriter

_INTERVAL_S = 1.0


class TrialLog:
    """Every finished trial of a study, those not yet in the database included.

    The first trial that is added goes to the database at once, later ones at least once a second
    and when the ``with`` block ends, however it ends. A killed process loses what it had not
    written; it is run again with the same numbers.

    Parameters
    ----------
    study : optuna.Study
        The study in the database.
    writer : TrialWriter
        Writes to that study.
    clock : callable
        Seconds, as ``time.monotonic``.
    """

    def __init__(
        self,
        study: optuna.Study,
        writer: TrialWriter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study = study
        self._writer = writer
        self._clock = clock
        self._flushed_at = float("-inf")
        self._added_at = clock()
        self.reload()

    @property
    def records(self) -> Sequence[FrozenTrial]:
        """Every finished trial, in order of number."""
        return self._records

    def reload(self) -> None:
        """Read what is in the database now, and forget what has not been written.

        Raises
        ------
        StudyError
            When what is there has been damaged.
        """
        with reading(self._study.study_name):
            self._records = self._study.get_trials(deepcopy=False)
        self._n_written = len(self._records)

    def add(self, record: FrozenTrial) -> None:
        """Take a finished trial as the next one, and write the batch when it is time.

        Raises
        ------
        NumbersTakenError
            When something else has changed the study.
        sqlalchemy.exc.SQLAlchemyError
        """
        record.number = len(self._records)
        self._records.append(record)
        now = self._clock()
        # Another trial as long as this one must not make the batch wait beyond its time.
        expected = now + (now - self._added_at)
        self._added_at = now
        if expected - self._flushed_at >= _INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Write what is not in the database yet.

        Raises
        ------
        NumbersTakenError
            When something else has changed the study.
        sqlalchemy.exc.SQLAlchemyError
        """
        self._writer.write(self._records[self._n_written :], self._n_written)
        self._n_written = len(self._records)
        self._flushed_at = self._clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()
