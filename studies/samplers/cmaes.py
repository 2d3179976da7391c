"""Covariance matrix adaptation: a cloud of trials that moves and changes shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cmaes import CMA
from typing_extensions import override

from studies.samplers.base import BatchStrategy, Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from studies.samplers.base import Problem, Tried

_SPREAD = 1 / 6  # of the unit box, as Optuna starts
_BELOW_ALL = -1.0  # below every value
_FAILED = -2.0


class CmaEs(BatchStrategy):
    """CMA-ES in the box of coordinates, started from the current weights.

    Finished trials are replayed generation by generation, so that nothing but the trials
    themselves is kept (Optuna's sampler keeps its state as a pickle in the database). A cloud
    that has shrunk to a point starts anew around the best trial.

    Source: Hansen (2016), "The CMA evolution strategy: a tutorial", as in the package cmaes.
    """

    name = "cmaes"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        axes = problem.space.coordinates
        self._low = np.array([axis.low for axis in axes])
        self._width = np.array([axis.high - axis.low for axis in axes])
        self._begin()

    @override
    def proposals(self, history: Sequence[Tried], n_most: int) -> Sequence[Proposal]:
        tried = history[1:]  # trial 0 is no part of a generation
        if len(tried) < self._n_told:  # another process has replaced what was not written yet
            self._begin()
        size = self._cloud.population_size
        while self._n_told + size <= len(tried):
            self._tell(tried[: self._n_told + size])
        n_left = self._n_told + size - len(tried)
        first = len(history)
        return [self._ask(number) for number in range(first, first + min(n_left, n_most))]

    def _begin(self) -> None:
        self._cloud = self._start(self._unit(self.current().point))
        self._n_told = 0

    def _start(self, mean: NDArray[np.float64]) -> CMA:
        bounds = np.tile([0.0, 1.0], (len(mean), 1))
        return CMA(mean, _SPREAD, bounds=bounds, seed=self.problem.seed % 2**32)

    def _tell(self, tried: Sequence[Tried]) -> None:
        """Learn from the generation at the end of `tried`."""
        generation = tried[self._n_told :]
        self._cloud.tell([(self._unit(one.point), -_rank_value(one)) for one in generation])
        self._n_told = len(tried)
        if self._cloud.should_stop():
            self._cloud = self._start(self._unit(max(tried, key=_rank_value).point))

    def _ask(self, number: int) -> Proposal:
        self._cloud.reseed_rng(self.trial_seed(number))
        unit = np.clip(self._cloud.ask(), 0.0, 1.0)
        values = (self._low + unit * self._width).tolist()
        axes = self.problem.space.coordinates
        point = {axis.name: value for axis, value in zip(axes, values, strict=True)}
        return Proposal(self.problem.space.decode(point), point)

    def _unit(self, point: Mapping[str, float]) -> NDArray[np.float64]:
        """Turn coordinates into a point of the unit box."""
        values = np.array([point[axis.name] for axis in self.problem.space.coordinates])
        unit: NDArray[np.float64] = (values - self._low) / np.where(self._width, self._width, 1.0)
        return unit


def _rank_value(tried: Tried) -> float:
    """Return what a trial counts: less than any feasible one unless it is one."""
    if tried.so_far is None:
        return _FAILED
    return tried.so_far if tried.is_feasible else tried.so_far + _BELOW_ALL
