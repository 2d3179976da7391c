"""What each weight does to the objective: how far it may move, and what is lost without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.coefficients import effective_coefficients, weights_from_coefficients
from engine.rounding import COEFFICIENT_GRID
from objectives.lines.line import DIRECTION_NAMES, coordinate_directions, line_through
from objectives.search_space import COMPONENT, real_weights, share_in_proportion, weight_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.lines.line import Line
    from objectives.objective import PairedStretches, WeightObjective
    from objectives.search_space import SearchSpace

CONFIDENCE = 0.95
Z = 1.96  # of a two-sided interval of that confidence


class Span(NamedTuple):
    """Values of a weight, from the lowest to the highest."""

    low: float
    high: float


class Better(NamedTuple):
    """A value of a weight that is better than the present one by more than noise."""

    at: float
    gain: float


class WeightEffect(NamedTuple):
    """What one weight does, the other shares of its whole kept in proportion.

    The spans are connected, hold the present value, and are open: where scores tie at a single
    place, another candidate may win there alone.

    Attributes
    ----------
    name : str
    value : float
    reach : Span
        Where the search space lets it go.
    equal : Span
        Where the objective stays exactly equal.
    within_noise : Span
        Where it falls by no more than its noise.
    as_safe : Span
        Where no kind of critical error becomes more frequent.
    lost_without : float
        What the objective loses when the weight is 0, in [-1, 1].
    noise_without : float
        Half the width of the 95% interval of that loss.
    critical_without : dict
        By how much each kind of critical error that changes then changes.
    best : Better or None
        The best place of the whole reach where no kind of critical error is more frequent; None
        when none is better by more than noise.
    has_effect : bool
        Whether any place of the reach, or a weight of 0, changes the objective by more than its
        noise. Critical errors may become more frequent all the same.
    """

    name: str
    value: float
    reach: Span
    equal: Span
    within_noise: Span
    as_safe: Span
    lost_without: float
    noise_without: float
    critical_without: dict[str, int]
    best: Better | None
    has_effect: bool

    @property
    def is_missed(self) -> bool:
        """Whether more is lost without it than noise."""
        return self.lost_without > self.noise_without


class _Walk(NamedTuple):
    """What is found along the line of a weight."""

    reach: Span
    equal: Span
    within_noise: Span
    as_safe: Span
    best: Better | None
    matters: bool


def weight_effects(
    objective: WeightObjective, weights: Weights, space: SearchSpace
) -> list[WeightEffect]:
    """Find what each weight does, the one that is missed most first.

    The noise of a difference is 1.96 standard errors, from the cases that only one of both sides
    gets right (McNemar 1947). Cases are taken as independent: names of one row tend to be right
    or wrong together, so that true noise is somewhat larger.
    """
    # on the grid, so that no share is left that is too small to be moved in proportion
    settled = weights_from_coefficients(effective_coefficients(weights))
    directions = coordinate_directions(settled)
    present = {**real_weights(weights), COMPONENT: weights.weights_final.component}
    critical = objective.evaluate(weights).critical_by_kind or {}
    effects = []
    for name in DIRECTION_NAMES:
        line = line_through(settled, directions[name], space)
        found = _walk(objective, line, name, present[name], list(critical.values()))
        without = share_in_proportion(weights, {name: 0.0})
        then = objective.evaluate(without).critical_by_kind or {}
        change, error = objective.paired(weights, without)
        changed = {kind: then[kind] - n for kind, n in critical.items() if then[kind] != n}
        noise = Z * error
        effects.append(
            WeightEffect(
                name,
                present[name],
                found.reach,
                found.equal,
                found.within_noise,
                found.as_safe,
                0.0 - change,
                noise,
                changed,
                found.best,
                has_effect=found.matters or abs(change) > noise,
            )
        )
    return sorted(effects, key=lambda effect: -effect.lost_without)


def _walk(
    objective: WeightObjective, line: Line | None, name: str, value: float, critical: list[int]
) -> _Walk:
    """Look along the line of a weight; where there is none, the weight stays as it is."""
    if line is None:
        here = Span(value, value)
        return _Walk(here, here, here, here, None, matters=False)
    found = objective.paired_along(line)
    noise = Z * found.errors
    is_as_safe = np.all(found.critical <= critical, axis=1)

    def span(low: float, high: float) -> Span:
        ends = (weight_at(name, line.at(low)), weight_at(name, line.at(high)), value)
        return Span(min(ends), max(ends))

    best = _best(found, (found.changes > noise) & is_as_safe)
    return _Walk(
        span(line.low, line.high),
        span(*_around_origin(found.edges, found.changes == 0)),
        span(*_around_origin(found.edges, found.changes >= -noise)),
        span(*_around_origin(found.edges, is_as_safe)),
        best and Better(weight_at(name, line.at(best.at)), best.gain),
        matters=bool(np.any(np.abs(found.changes) > noise)),
    )


def _around_origin(edges: NDArray[np.float64], holds: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the ends of the connected intervals at the origin of a line in which all holds.

    An end is the origin itself where it does not hold right beside it.
    """
    beside_low = int(np.searchsorted(edges, 0.0, side="left")) - 1
    beside_high = int(np.searchsorted(edges, 0.0, side="right")) - 1
    below = np.flatnonzero(~holds[: beside_low + 1])
    above = np.flatnonzero(~holds[beside_high:])
    low = edges[below[-1] + 1] if len(below) else edges[0]
    high = edges[beside_high + above[0]] if len(above) else edges[-1]
    return min(float(low), 0.0), max(float(high), 0.0)


def _best(found: PairedStretches, is_better: NDArray[np.bool_]) -> Better | None:
    """Return the middle of the best interval of those that are better."""
    widths = np.diff(found.edges)
    wide = np.flatnonzero(is_better & (widths >= 1 / COEFFICIENT_GRID))
    if not len(wide):
        return None
    i = wide[np.lexsort((widths[wide], found.changes[wide]))[-1]]
    return Better(float(found.edges[i] + found.edges[i + 1]) / 2, float(found.changes[i]))
