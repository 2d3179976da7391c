"""Work on whatever studies a database has, until there is none left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import RadTuneError
from studies.directory import open_studies
from studies.options import stopping_rules
from studies.patience import Patience
from studies.search import definition_of, join
from studies.stopping import Stopper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from optuna.storages import RDBStorage

    from studies.progress import Progress
    from studies.search import Search
    from studies.worker import Worker

_PAUSE_S = 1.0  # before a database is looked at again


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
        self._joined: dict[str, Search] = {}
        self._out_of_time: set[str] = set()

    def work(self, only: Collection[str] = (), *, forever: bool = False) -> Shift:
        """Run studies until none is open, or until stopped.

        A study that cannot be run here (its data are others, say) is left to other workers.

        Parameters
        ----------
        only : collection of str
            Names of studies; all of them when empty.
        forever : bool
            Wait for new studies instead.
        """
        shift = Shift({}, {})
        while not self._is_stopped():
            names = [
                name
                for name in self._patiently(lambda: open_studies(self._storage))
                if (not only or name in only) and name not in {*shift.refused, *self._out_of_time}
            ]
            if not names and not forever:
                break
            # beside other studies there is better to do than to wait for the last trials of one
            has_run = [self._run(name, shift, waits=len(names) == 1) for name in names]
            self._patiently(lambda: self._worker.works_on(None))
            if not any(has_run):
                time.sleep(_PAUSE_S)
        return shift

    def _run(self, name: str, shift: Shift, *, waits: bool) -> bool:
        """Run a study; tell whether anything came of it."""
        if self._is_stopped():
            return False
        try:
            search = self._patiently(lambda: self._join(name))
            stopper = Stopper(stopping_rules(search.definition.study))
            reason = search.runner.run(stopper, self._progress, self._is_stopped, waits=waits)
        except RadTuneError as error:
            self._joined.pop(name, None)
            shift.refused[name] = str(error)
            self._progress.say(f"study {name!r} is left to others: {error}")
            return False
        if reason is None:
            return False
        del self._joined[name]
        if not self._is_stopped():
            self._progress.say(f"study {name!r}: {reason}")
            if name in self._patiently(lambda: open_studies(self._storage)):
                self._out_of_time.add(name)
        shift.ended[name] = reason
        return True

    def _join(self, name: str) -> Search:
        """Open a study, anew when it was submitted with other rules meanwhile."""
        search = self._joined.get(name)
        if search is None or search.definition != definition_of(search.study):
            search = join(name, self._storage, self._worker, self._progress)
            self._joined[name] = search
            self._progress.say(f"study {name!r}: {len(search.runner.records)} trials are there")
        return search
