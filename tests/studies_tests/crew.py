"""Workers without processes: who lives is a set of numbers, and turns are taken one at a time."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, create_trial

from studies.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")
_MOST_TURNS = 5_000
_BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001 - as Optuna


class FakeWorker(Worker):
    """A worker whose life is a number that is not in a set."""

    def __init__(self, number: int, gone: set[int]) -> None:
        self.id = number
        self._gone = gone
        self.studies: list[int | None] = []

    def keep(self) -> None:
        """Do nothing."""

    def is_gone(self, worker_id: int) -> bool:
        return worker_id != self.id and worker_id in self._gone

    def works_on(self, study_id: int | None) -> None:
        self.studies.append(study_id)


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


class Turns:
    """Runs several functions in turns that chance deals; they pass on in `switch` only.

    Its own clock moves by what each turn draws: it stands in for the module ``time``.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._now = 0.0
        self._own = threading.local()
        self._changed = threading.Condition()
        self._running: list[int] = []
        self._turn: int | None = None
        self._n_turns = 0

    def run(self, acts: Sequence[Callable[[], _T]]) -> list[_T]:
        """Return what each returns; an error of one is raised when all have ended."""
        self._running = list(range(len(acts)))
        self._n_turns, self._turn = 0, None
        self._deal()
        with ThreadPoolExecutor(max_workers=len(acts)) as threads:
            ends = [threads.submit(self._play, player, act) for player, act in enumerate(acts)]
        return [end.result() for end in ends]

    def _play(self, player: int, act: Callable[[], _T]) -> _T:
        self._own.player = player
        self._wait()
        try:
            return act()
        finally:
            self._running.remove(player)
            self._deal()

    def switch(self) -> None:
        """Let another one, or the same, go on."""
        self._now += self._random.choice((0.001, 0.1, 0.4))
        self._n_turns += 1
        if self._n_turns > _MOST_TURNS:
            raise AssertionError("everybody waits for somebody else")
        self._deal()
        self._wait()

    def _deal(self) -> None:
        with self._changed:
            self._turn = self._random.choice(self._running) if self._running else None
            self._changed.notify_all()

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._turn == self._own.player)

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        self.switch()

    def monotonic(self) -> float:
        return self._now
