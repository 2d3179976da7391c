"""Grid search: every combination of the listed weights, or an even subset of them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.errors import ConfigurationError
from objectives.search_space import share_in_proportion
from studies.samplers.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.settings import Weights
    from studies.samplers.base import Problem, Proposal, Tried


_MOST_POINTS = 20_000
_BATCH = 64


class GridSearch(Strategy):
    """Tries the grid in order; shares that are not listed divide the rest in proportion."""

    name = "grid_search"
    places_many = True

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        names = list(problem.grid)
        n_points = math.prod(map(len, problem.grid.values()))
        if n_points > _MOST_POINTS:
            raise ConfigurationError(
                f"the grid has {n_points:,} points, at most {_MOST_POINTS:,} are possible; "
                "list fewer values"
            )
        points = (
            share_in_proportion(problem.current, dict(zip(names, values, strict=True)))
            for values in itertools.product(*problem.grid.values())
        )
        self._points = [point for point in dict.fromkeys(points) if point != problem.current]
        self._planned: list[Weights] = []

    @override
    def plan(self, history: Sequence[Tried], n_proposals: int) -> str | None:
        tried = [one.weights for one in self.own(history)]
        chosen = _even_subset(self._points, n_proposals)
        if chosen[: len(tried)] != tried:  # an earlier run had another budget
            left = [point for point in self._points if point not in tried]
            chosen = tried + _even_subset(left, max(n_proposals - len(tried), 0))
        self._planned = chosen
        if n_proposals == 0:
            return None
        if len(chosen) < len(self._points):
            return f"grid: {len(chosen)} of {len(self._points)} points, evenly spread"
        if len(chosen) < n_proposals:
            return f"grid: it has {len(self._points)} points, fewer than the trials asked for"
        return None

    @override
    def proposals(self, history: Sequence[Tried], n_most: int) -> Sequence[Proposal]:
        first = len(self.own(history))
        points = self._planned[first : first + min(n_most, _BATCH)]
        return [self.problem.proposal(weights, self.name) for weights in points]

    @override
    def ended(self, history: Sequence[Tried]) -> str | None:
        is_done = len(self.own(history)) >= len(self._planned)
        return "every grid point tried" if is_done else None


def _even_subset(points: Sequence[Weights], n_points: int) -> list[Weights]:
    """Take `n_points` of the points, evenly spread over their order."""
    if n_points >= len(points):
        return list(points)
    chosen = np.linspace(0, len(points) - 1, num=n_points).round().astype(int)
    return [points[i] for i in dict.fromkeys(chosen.tolist())]
