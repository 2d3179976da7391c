"""Judge cases block by block; what a block found is written before the next one begins."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.decisions.case_results import Answers, join_answers, judge
from objectives.training.session_results import answers_of, result_rows
from support.arrays.mapped_memory import release_pages
from support.errors import RadTuneError

if TYPE_CHECKING:
    from collections.abc import Callable

    from objectives.bank.feature_bank import FeatureBank
    from objectives.cases.cases import CaseSet
    from objectives.configuration import Configuration
    from objectives.training.sessions import OpenSession, Row, SessionStore
    from objectives.workspace import Workspace

_READ_AT_ONCE = 10_000  # results
LOG = logging.getLogger("radtune.training")


class TrainingStoppedError(RadTuneError):
    """A training run was asked to stop; what it has done is kept."""


class Intervals(NamedTuple):
    """Numbers of cases after which results are written and memory is given back."""

    checkpoint: int
    memory_cleanup: int


class TrainingBlocks:
    """The cases of one session, of which some are judged.

    Parameters
    ----------
    config : Configuration
    workspace : Workspace
    loaded : CaseSet
    store : SessionStore
    session : OpenSession
        Results that it has are read back.
    intervals : Intervals
    should_stop : callable
        Asked after every block.
    """

    def __init__(
        self,
        config: Configuration,
        workspace: Workspace,
        loaded: CaseSet,
        *,
        store: SessionStore,
        session: OpenSession,
        intervals: Intervals,
        should_stop: Callable[[], bool],
    ) -> None:
        self._judgement = config.judgement
        self._workspace, self._loaded = workspace, loaded
        self._store, self._session = store, session
        self._intervals, self._should_stop = intervals, should_stop
        self._names = [row.preferred_name for row in workspace.rows]
        self._started = time.monotonic()
        self._n_done = session.n_done
        self._answers: list[Answers] = []
        for start in range(0, session.n_done, _READ_AT_ONCE):
            cases = range(start, min(start + _READ_AT_ONCE, session.n_done))
            self._answers.append(answers_of(store.read_results(session.session_id, cases)))

    @property
    def is_done(self) -> bool:
        """Whether every case is judged."""
        return self._n_done == len(self._loaded.cases)

    @property
    def seconds(self) -> float:
        """What all runs of the session have taken so far."""
        return self._session.seconds + time.monotonic() - self._started

    @property
    def answers(self) -> Answers:
        """The answers to all cases that are judged, at least one."""
        return join_answers(self._answers)

    def judge_ready(self, bank: FeatureBank, n_ready: int) -> None:
        """Judge and write every block of which all facts are there.

        Parameters
        ----------
        bank : FeatureBank
            Of all cases; it may still grow.
        n_ready : int
            How many of its first cases are finished.

        Raises
        ------
        TrainingStoppedError
            When it should stop and cases are left.
        """
        n_cases = len(self._loaded.cases)
        while not self.is_done:
            stop = min(_multiple_after(self._n_done, self._intervals.checkpoint), n_cases)
            if stop > n_ready:
                return
            self._judge_block(bank, stop)
            if self._should_stop() and not self.is_done:
                raise TrainingStoppedError(
                    f"session {self._session.session_id} is interrupted at {self._n_done:,} of "
                    f"{n_cases:,} cases; the same command goes on from there"
                )

    def _judge_block(self, bank: FeatureBank, stop: int) -> None:
        n_before, at = self._n_done, self._n_done
        parts: list[Answers] = []
        rows: list[Row] = []
        while at < stop:
            end = min(stop, _multiple_after(at, self._intervals.memory_cleanup))
            cases = self._loaded.cases[at:end]
            labelled = self._workspace.label(cases, bank.take(np.arange(at, end)))
            judged = judge(labelled, self._judgement)
            parts.append(judged.answers)
            rows += result_rows(judged, self._loaded, at, self._names)
            if end % self._intervals.memory_cleanup == 0:
                release_pages(bank)
                LOG.info("memory given back after %s cases", f"{end:,}", extra={"n_cases": end})
            at = end
        self._store.write_block(self._session.session_id, n_before, rows, self.seconds)
        self._answers += parts
        self._n_done = stop
        n_cases = len(self._loaded.cases)
        LOG.info(
            "checkpoint: %s of %s cases (%.0f cases/sec)",
            f"{stop:,}",
            f"{n_cases:,}",
            (stop - self._session.n_done) / (time.monotonic() - self._started),
            extra={"processed_cases": stop, "total_cases": n_cases},
        )


def _multiple_after(n: int, interval: int) -> int:
    return (n // interval + 1) * interval
