"""Grid search: every combination of the listed weights, or an even subset of them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from typing_extensions import override

from objectives.search_space import share_in_proportion
from studies.samplers.base import Strategy
from support.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ranking.weights import Weights
    from studies.samplers.base import Problem
    from studies.trial import Trial


_MOST_POINTS = 20_000


class GridSearch(Strategy):
    """Tries the grid in an order of which every beginning is evenly spread over it.

    Shares that are not listed divide the rest in proportion.

    Source: van der Corput (1935), "Verteilungsfunktionen", for the order.
    """

    name = "grid_search"
    summary = "combinations of listed values (study.grid)"
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
        different = [point for point in dict.fromkeys(points) if point != problem.current]
        self._points = _evenly_spread(different)

    @override
    def note(self, n_proposals: int) -> str | None:
        n_points = len(self._points)
        if n_proposals < n_points:
            return f"grid: {n_proposals} of {n_points} points, evenly spread"
        if n_proposals > n_points:
            return f"grid: it has {n_points} points, fewer than the trials asked for"
        return None

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        first = self.index_of(numbers.start, history)
        points = self._points[first : first + len(numbers)]
        return [self.problem.proposal(weights, self.name) for weights in points]

    @override
    def ended(self, history: Sequence[Trial]) -> str | None:
        is_done = self.index_of(len(history), history) >= len(self._points)
        return "every grid point tried" if is_done else None


def _evenly_spread(points: Sequence[Weights]) -> list[Weights]:
    """Order points by the bits of their position read backwards."""
    n_bits = max(len(points) - 1, 1).bit_length()
    positions = sorted(range(len(points)), key=lambda i: int(f"{i:0{n_bits}b}"[::-1], 2))
    return [points[i] for i in positions]
