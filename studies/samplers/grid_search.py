"""Grid search: every combination of the listed weights, or an even subset of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import optuna
from typing_extensions import override

from objectives.search_space import share_in_proportion
from studies.samplers.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.settings import Weights
    from studies.samplers.base import Problem


class GridSearch(Strategy):
    """Tries the grid in order; shares that are not listed divide the rest in proportion."""

    name = "grid_search"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        names = list(problem.grid)
        self._points = [
            share_in_proportion(problem.current, dict(zip(names, values, strict=True)))
            for values in itertools.product(*problem.grid.values())
        ]
        self._planned: dict[int, Weights] = {}

    @override
    def plan(self, done: Sequence[Weights], n_trials: int) -> str | None:
        todo = [point for point in dict.fromkeys(self._points) if point not in done]
        first = max(len(done), 1)  # trial 0 holds the current weights
        room = max(n_trials - (first - len(done)), 0)
        chosen = _even_subset(todo, room)
        self._planned = dict(enumerate(chosen, start=first))
        if len(chosen) < len(todo):
            return f"grid: {len(chosen)} of {len(todo)} points that are left, evenly spread"
        if len(chosen) < room:
            return f"grid: only {len(chosen)} points are left, fewer than the trials asked for"
        return None

    @override
    def proposal(self, number: int) -> Weights | None:
        return self._planned.get(number)

    @override
    def exhausted(self, number: int) -> bool:
        return number > 0 and number not in self._planned

    @override
    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=self.trial_seed(number))


def _even_subset(points: Sequence[Weights], n_points: int) -> list[Weights]:
    """Take `n_points` of the points, evenly spread over their order."""
    if n_points >= len(points):
        return list(points)
    chosen = np.linspace(0, len(points) - 1, num=n_points).round().astype(int)
    return [points[i] for i in dict.fromkeys(chosen.tolist())]
