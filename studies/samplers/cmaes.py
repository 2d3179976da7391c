"""Covariance matrix adaptation: a cloud of trials that moves and changes shape."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from cmaes import CMA
from typing_extensions import override

from studies.samplers.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.samplers.base import Problem
    from studies.trial import Trial

_SPREAD = 1 / 6  # of the unit box, as Optuna starts
_BELOW_ALL, _FAILED = -1.0, -2.0  # values lie in [0, 1]


class CmaEs(Strategy):
    """CMA-ES in the box of coordinates, started from the current weights.

    Finished trials are replayed generation by generation, so that nothing but the trials
    themselves is kept (Optuna's sampler keeps its state as a pickle in the database). A cloud
    that has shrunk to a point starts anew around its best trial.

    Source: Hansen (2016), "The CMA evolution strategy: a tutorial", as in the package cmaes.
    """

    name = "cmaes"
    summary = "a moving cloud around good weights (CMA-ES)"
    places_many = True

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._cloud: CMA | None = None
        self._n_told = 0

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        tried = [one for one in history if not one.is_given]
        cloud = self._cloud or self._beginning(history)
        size = cloud.population_size
        while self._n_told + size <= len(tried):
            cloud = self._told(cloud, tried[: self._n_told + size])
            self._n_told += size
        self._cloud = cloud
        n_left = size - self.index_of(numbers.start, history) % size  # of this generation
        return [self._ask(cloud, number) for number in numbers[:n_left]]

    def _beginning(self, history: Sequence[Trial]) -> CMA:
        """Start around the best trial that others have proposed before the first own one."""
        given = itertools.takewhile(lambda tried: tried.is_given, history)
        return self._start(max(given, key=_rank))

    def _start(self, tried: Trial) -> CMA:
        mean = self.problem.unit_of(tried.point)
        bounds = np.tile([0.0, 1.0], (len(mean), 1))
        return CMA(mean, _SPREAD, bounds=bounds, seed=self.problem.seed % 2**32)

    def _told(self, cloud: CMA, tried: Sequence[Trial]) -> CMA:
        """Learn from the generation at the end of `tried`."""
        generation = tried[self._n_told :]
        cloud.tell([(self.problem.unit_of(one.point), -_rank(one)) for one in generation])
        return self._start(max(tried, key=_rank)) if cloud.should_stop() else cloud

    def _ask(self, cloud: CMA, number: int) -> Trial:
        cloud.reseed_rng(self.trial_seed(number))
        unit = np.clip(cloud.ask(), 0.0, 1.0)
        return self.problem.proposal_at(unit, self.name, teaches=True)


def _rank(tried: Trial) -> float:
    """Return what a trial counts: less than any feasible one unless it is one."""
    if tried.value is None:
        return _FAILED
    value = tried.feasible_value
    return tried.value + _BELOW_ALL if value is None else value
