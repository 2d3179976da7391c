"""Run whatever studies a database has, one after the other, until there is none left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import optuna

from studies.coordinator import CANCELLED, STOPPED, stopped_at
from studies.definition.options import stopping_rules
from studies.search import join
from studies.stopping import Stopper
from studies.storage.database_retry import DatabaseRetry
from studies.storage.ownership import Ownership, StudyTakenError
from studies.storage.study_queue import open_studies
from support.errors import ComputeError, RadTuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from optuna.storages import RDBStorage

    from objectives.shards.resources import ComputeResources
    from studies.progress import Progress
    from studies.storage.study_queue import OpenStudy

_PAUSE_S = 1.0  # before a database is looked at again
_AGAIN_S = 60.0  # before a study is tried again that could not be run


class WorkDone(NamedTuple):
    """What a study worker has done.

    Attributes
    ----------
    ended : dict
        Study to why it ended here.
    refused : dict
        Study to why it cannot be run here.
    """

    ended: dict[str, str]
    refused: dict[str, str]


class WorkerLoop:
    """Coordinates the open studies of a database in turn.

    Parameters
    ----------
    storage : RDBStorage
    compute : ComputeResources
    progress : Progress
    is_stopped : callable
        Asked after each trial.
    """

    def __init__(
        self,
        storage: RDBStorage,
        compute: ComputeResources,
        progress: Progress,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._compute = compute
        self._progress = progress
        self._is_stopped = is_stopped
        self._retry = DatabaseRetry(progress.say, is_stopped)
        self._out_of_time: set[OpenStudy] = set()
        self._refused: dict[OpenStudy, float] = {}  # when, monotonic
        self._taken: list[str] = []  # by other processes, when they were tried last
        self._last_wait = ""

    def work(self, only: Collection[str] = (), *, forever: bool = False) -> WorkDone:
        """Run studies until none is open, or until stopped.

        A study that another process runs is waited for: when that process dies, its study is
        taken up. A study that cannot be run here (its data are others, say) is left to other
        workers, and tried again a minute later where there is a later.

        Parameters
        ----------
        only : collection of str
            Names of studies; all of them when empty.
        forever : bool
            Wait for new studies instead.
        """
        done = WorkDone({}, {})
        while not self._is_stopped():
            studies = [
                one for one in self._open() if (not only or one.name in only) and self._may(one)
            ]
            if not studies and not forever:
                break
            self._taken = []
            if any(self._run(one, done) for one in studies if not self._is_stopped()):
                self._last_wait = ""
            else:
                self._say_wait(is_idle=not studies)
                time.sleep(_PAUSE_S)
        return done

    def _say_wait(self, *, is_idle: bool) -> None:
        """Say why nothing runs, each reason once."""
        reason = "no study to run" if is_idle else ""
        if self._taken:
            reason = f"run by other processes: {', '.join(map(repr, self._taken))}"
        if reason and reason != self._last_wait:
            self._progress.say(f"waiting ({reason})")
        self._last_wait = reason

    def _open(self) -> list[OpenStudy]:
        """Return the open studies, and forget what is known of others."""
        studies = self._retry(lambda: open_studies(self._storage))
        for study in self._refused.keys() - set(studies):
            del self._refused[study]
        self._out_of_time &= set(studies)
        return studies

    def _may(self, study: OpenStudy) -> bool:
        refused = self._refused.get(study, float("-inf"))
        return study not in self._out_of_time and time.monotonic() - refused >= _AGAIN_S

    def _run(self, study: OpenStudy, done: WorkDone) -> bool:
        """Run a study that nobody runs; tell whether anything came of it."""
        has_begun = False
        try:
            loaded = self._retry(
                lambda: optuna.load_study(study_name=study.name, storage=self._storage)
            )
            with self._retry(lambda: Ownership(self._storage, loaded)) as ownership:
                if not ownership.is_open:  # another worker has ended it this very moment
                    return False
                has_begun = True
                reason = self._run_own(study, ownership)
        except KeyError:  # deleted this very moment
            return False
        except StudyTakenError as error:
            if has_begun:  # and another one goes on with it
                self._progress.say(str(error))
            self._taken.append(study.name)
            return False
        except ComputeError:  # it would be the same with every study
            raise
        except RadTuneError as error:
            self._refused[study] = time.monotonic()
            done.refused[study.name] = str(error)
            self._progress.say(f"study {study.name!r} is left to others: {error}")
            return False
        done.refused.pop(study.name, None)
        done.ended[study.name] = reason
        if reason not in (STOPPED, CANCELLED) and study in self._open():
            self._out_of_time.add(study)
        return True

    def _run_own(self, study: OpenStudy, ownership: Ownership) -> str:
        search = self._retry(
            lambda: join(
                ownership,
                self._compute,
                self._progress,
                is_stopped=self._is_stopped,
            )
        )
        coordinator, rules = search.coordinator, stopping_rules(search.definition.study)
        self._progress.say(f"study {study.name!r}: {len(coordinator.records)} trials are there")
        reason = coordinator.run(Stopper(rules), self._progress, self._is_stopped)
        if reason == STOPPED:
            self._progress.say(stopped_at(coordinator, search.definition.study.max_experiments))
        else:
            self._progress.say(f"study {study.name!r}: {reason}")
        return reason
