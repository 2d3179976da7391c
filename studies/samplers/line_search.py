"""Exact line search: the best place of every line through the best weights so far."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from typing_extensions import override

from engine.ranking.coefficients import (
    effective_coefficients,
    nearest_coefficients,
    weights_from_coefficients,
)
from engine.ranking.weights import N_FEATURES, SHARES
from engine.rounding import COEFFICIENT_GRID
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.lines.line import coordinate_directions, line_through
from studies.samplers.base import Strategy
from studies.samplers.best_intervals import best_plateaus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.lines.line import Line
    from objectives.objective import Stretches
    from studies.trial import Trial


_N_PAIRS = 8  # lines along two coordinates at once
_N_RANDOM = 8  # lines along all coefficients at once
_MARGINS = (0.02, 0.08)  # of the cases that show the way upwards, in score units
_LEAST_SCALE = 0.03  # of a coefficient in a random direction, however small it is
_N_PLATEAUS = 3  # of each line that may be scored
_N_SCORED = 48  # places that are scored before one of them is proposed
_RESTART_SPREAD = 0.1  # of the unit box


class _Place(NamedTuple):
    """A place that a line promises to be good."""

    value: float
    width: float
    step: float
    origin: str
    weights: Weights


class LineSearch(Strategy):
    """Moves from the best weights to the best place of any line through them, as often as it pays.

    The lines: along each weight, along pairs of them, along the last improvement, upwards for the
    cases that are nearly decided, and along random directions in the effective coefficients.
    Their objective and critical errors are known exactly from the bank; of the best plateaus the
    middle is rounded to weights and scored, and the best one that is safe is proposed. Ties go to
    the widest plateau, then to the smallest step. Where no line leads up, the search starts again
    beside the best trial.

    Source: Och (2003), "Minimum error rate training in statistical machine translation".
    """

    name = "line_search"
    summary = "the best place on lines through the best weights"
    restart = f"{name}: restart"

    @functools.cached_property
    def _allowed(self) -> NDArray[np.int64]:
        """Critical errors that a place may have, by kind."""
        current = self.problem.objective.evaluate(self.problem.current)
        return _in_order(self.problem.allowed(current.critical_by_kind or {}))

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        number = numbers.start
        return [self.climb(history, number) or self.start_again(history, number)]

    def climb(self, history: Sequence[Trial], number: int) -> Trial | None:
        """Return the best place of any line through the present weights, if it is better.

        Parameters
        ----------
        history : sequence of Trial
        number : int
            Of the trial that is placed.
        """
        here, before = _present(history)
        rng = np.random.default_rng(self.trial_seed(number))
        present = here.weights
        directions = self._directions(present, before and before.weights, rng)
        space = self.problem.space
        named = [(name, line_through(present, direction, space)) for name, direction in directions]
        lines = [(name, line) for name, line in named if line is not None]
        along = self.problem.objective.along_many([line for _, line in lines])
        places = [
            place
            for (name, line), stretches in zip(lines, along, strict=True)
            for place in self._places(name, line, stretches)
        ]
        places.sort(key=lambda place: (-place.value, -place.width, place.step))
        chosen: dict[Weights, _Place] = {}
        for place in places[:_N_SCORED]:
            chosen.setdefault(place.weights, place)
        # the present weights too: their trial may have been stopped early
        values = self._safe_values([present, *chosen])
        best, value = None, values[0]
        for place, found in zip(chosen.values(), values[1:], strict=True):
            if found > value:
                best, value = place, found
        return best and self.problem.proposal(best.weights, f"{self.name}: {best.origin}")

    def _directions(
        self, present: Weights, before: Weights | None, rng: np.random.Generator
    ) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Yield where to look, and a name for it."""
        here = effective_coefficients(present)
        # a share that rounds to nothing must not bar the way of the others
        along = coordinate_directions(weights_from_coefficients(here))
        yield from along.items()
        yield from _pairs(along, rng)
        if before is not None:
            yield "last improvement", (here - effective_coefficients(before)).astype(np.float64)
        for margin in _MARGINS:
            yield "upwards", _with_level_shares(self.problem.objective.upwards(present, margin))
        for _ in range(_N_RANDOM):
            way = rng.normal(size=N_FEATURES) * np.maximum(np.abs(here), _LEAST_SCALE)
            yield "random direction", _with_level_shares(way)

    def _safe_values(self, weights: Sequence[Weights]) -> list[float]:
        """Return the value of each, 0 where it has more critical errors of some kind."""
        scored = (full.valuation for full in self.problem.objective.evaluate_many(weights))
        return [
            found.value
            if np.all(_in_order(found.critical_by_kind or {}) <= self._allowed)
            else 0.0
            for found in scored
        ]

    def start_again(self, history: Sequence[Trial], number: int) -> Trial:
        """Return a place beside the best trial."""
        best = max(history, key=lambda tried: tried.feasible_value or 0.0)
        unit = self.problem.unit_of(best.point)
        rng = np.random.default_rng(self.trial_seed(number))
        moved = np.abs(unit + rng.normal(scale=_RESTART_SPREAD, size=len(unit))) % 2
        return self.problem.proposal_at(np.minimum(moved, 2 - moved), self.restart)

    def _places(self, name: str, line: Line, stretches: Stretches) -> Iterator[_Place]:
        for plateau in best_plateaus(stretches, self._allowed, _N_PLATEAUS):
            coefficients = nearest_coefficients(line.at(plateau.middle))
            yield _Place(
                plateau.value,
                plateau.high - plateau.low,
                abs(plateau.middle),
                name,
                self.problem.space.nearest(weights_from_coefficients(coefficients)),
            )


def _present(history: Sequence[Trial]) -> tuple[Trial, Trial | None]:
    """Return where the search stands, and where it stood before its last step upwards."""
    here, before, best = history[0], None, history[0].feasible_value or 0.0
    for tried in history[1:]:
        value = tried.feasible_value or 0.0
        if tried.origin == LineSearch.restart:
            here, before = tried, None
        elif tried.origin.startswith(LineSearch.name):
            here, before = tried, here
        elif value > best:  # another strategy has found better
            here, before = tried, None
        best = max(best, value)
    return here, before


def _pairs(
    along: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield directions in which two weights move at once."""
    lengths = {name: np.abs(way).max() for name, way in along.items()}
    unit = {
        name: way / lengths[name]
        for name, way in along.items()
        if lengths[name] * COEFFICIENT_GRID >= 1
    }
    for _ in range(_N_PAIRS):
        one, other = rng.choice(sorted(unit), 2, replace=False).tolist()
        share = rng.uniform(0.2, 1.0) * rng.choice([-1.0, 1.0])
        yield f"{one} and {other}", unit[one] + share * unit[other]


def _with_level_shares(way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let what shares gain be what other shares lose."""
    shares = list(SHARES)
    way[shares] -= way[shares].mean()
    return way


def _in_order(counts: Mapping[str, int]) -> NDArray[np.int64]:
    """Return critical errors in the order of `CRITICAL_KINDS`."""
    return np.array([counts[kind] for kind in CRITICAL_KINDS], dtype=np.int64)
