"""Work on whatever studies a database has, until there is none left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import RadTuneError
from studies.directory import OpenStudy, open_studies
from studies.options import stopping_rules
from studies.patience import Patience
from studies.runner import STOPPED, stopped_at
from studies.search import definition_of, join
from studies.stopping import Stopper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from optuna.storages import RDBStorage

    from studies.progress import Progress
    from studies.search import Search
    from studies.worker import Worker

_PAUSE_S = 1.0  # before a database is looked at again
_AGAIN_S = 60.0  # before a study is tried again that could not be run


class Shift(NamedTuple):
    """What a worker has done.

    Attributes
    ----------
    ended : dict
        Study to why it ended here.
    refused : dict
        Study to why this worker cannot run it.
    """

    ended: dict[str, str]
    refused: dict[str, str]


class Service:
    """Runs the open studies of a database in turn.

    Parameters
    ----------
    storage : RDBStorage
    worker : Worker
    progress : Progress
    is_stopped : callable
        Asked after each trial.
    """

    def __init__(
        self,
        storage: RDBStorage,
        worker: Worker,
        progress: Progress,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._worker = worker
        self._progress = progress
        self._is_stopped = is_stopped
        self._patiently = Patience(progress.say, is_stopped)
        self._joined: dict[OpenStudy, Search] = {}
        self._out_of_time: set[OpenStudy] = set()
        self._refused: dict[OpenStudy, float] = {}  # when, monotonic

    def work(self, only: Collection[str] = (), *, forever: bool = False) -> Shift:
        """Run studies until none is open, or until stopped.

        A study that cannot be run here (its data are others, say) is left to other workers, and
        tried again a minute later where there is a later.

        Parameters
        ----------
        only : collection of str
            Names of studies; all of them when empty.
        forever : bool
            Wait for new studies instead.
        """
        shift = Shift({}, {})
        while not self._is_stopped():
            studies = [
                one for one in self._open() if (not only or one.name in only) and self._may(one)
            ]
            if not studies and not forever:
                break
            # beside other studies there is better to do than to wait for the last trials of one
            has_run = [self._run(one, shift, waits=len(studies) == 1) for one in studies]
            if not any(has_run):
                time.sleep(_PAUSE_S)
        return shift

    def _open(self) -> list[OpenStudy]:
        """Return the open studies, and forget what is known of others."""
        studies = self._patiently(lambda: open_studies(self._storage))
        for known in (self._joined, self._refused):
            for study in known.keys() - set(studies):
                del known[study]
        self._out_of_time &= set(studies)
        return studies

    def _may(self, study: OpenStudy) -> bool:
        refused = self._refused.get(study, float("-inf"))
        return study not in self._out_of_time and time.monotonic() - refused >= _AGAIN_S

    def _run(self, study: OpenStudy, shift: Shift, *, waits: bool) -> bool:
        """Run a study; tell whether anything came of it."""
        if self._is_stopped():
            return False
        try:
            # first of all: whoever would delete it sees that somebody is at it
            self._patiently(lambda: self._worker.works_on(study.study_id))
            search = self._patiently(lambda: self._join(study))
            stopper = Stopper(stopping_rules(search.definition.study))
            reason = search.runner.run(stopper, self._progress, self._is_stopped, waits=waits)
        except RadTuneError as error:
            self._refused[study] = time.monotonic()
            self._joined.pop(study, None)
            shift.refused[study.name] = str(error)
            self._progress.say(f"study {study.name!r} is left to others: {error}")
            return False
        finally:
            self._patiently(lambda: self._worker.works_on(None))
        if reason is None:
            return False
        del self._joined[study]
        shift.refused.pop(study.name, None)
        shift.ended[study.name] = reason
        if reason == STOPPED:
            self._progress.say(stopped_at(search.runner, search.definition.study.max_experiments))
        else:
            self._progress.say(f"study {study.name!r}: {reason}")
            if study in self._open():
                self._out_of_time.add(study)
        return True

    def _join(self, study: OpenStudy) -> Search:
        """Open a study, anew when it was submitted with other rules meanwhile."""
        known = self._joined.get(study)
        if known is None or known.definition != definition_of(known.study):
            search = join(
                study.name,
                self._storage,
                self._worker,
                self._progress,
                is_stopped=self._is_stopped,
            )
            self._joined[study] = search
            n_there = len(search.runner.records)
            self._progress.say(f"study {study.name!r}: {n_there} trials are there")
        return self._joined[study]
