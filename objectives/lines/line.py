"""Straight ways through the effective coefficients that stay inside a search space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.coefficients import effective_coefficients, exact_coefficients
from engine.ranking.weights import N_FEATURES, SHARES
from engine.rounding import COEFFICIENT_GRID
from objectives.search_space import (
    COMPONENT,
    WEIGHT_NAMES,
    limits,
    real_weights,
    share_in_proportion,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.search_space import SearchSpace

DIRECTION_NAMES = (*WEIGHT_NAMES, COMPONENT)
_ALONG = 1.5 / COEFFICIENT_GRID  # at most so fast does rounding lead through a wall
_SHORTEST = 2 / COEFFICIENT_GRID  # a line that is no longer leads nowhere


class Line(NamedTuple):
    """A straight way through the effective coefficients: ``origin + t * direction``.

    Attributes
    ----------
    origin : ndarray of float32, shape (n_features,)
        Multiples of 1/4096: an exact place.
    direction : ndarray of float32, shape (n_features,)
        Multiples of 1/4096, so that slopes are exact; the longest component is 1, all but a
        few units.
    low, high : float
        Where the way ends; at most 0 and at least 0.
    """

    origin: NDArray[np.float32]
    direction: NDArray[np.float32]
    low: float
    high: float

    def at(self, t: float) -> NDArray[np.float64]:
        """Return the coefficients at a place of the line, shape (n_features,)."""
        return self.origin + t * self.direction.astype(np.float64)


def line_through(
    weights: Weights, direction: NDArray[np.float64], space: SearchSpace
) -> Line | None:
    """Lay a line through weights, as long as the space allows.

    Parameters
    ----------
    weights : Weights
    direction : ndarray of float64, shape (n_features,)
        Any length; its shares sum to 0.
    space : SearchSpace

    Returns
    -------
    Line or None
        None where the space leaves no way to go.
    """
    rounded = _on_grid(direction)
    if rounded is None:
        return None
    origin = effective_coefficients(weights)
    normals, least = space.walls
    # weights outside the space, or beside a wall by rounding, may go along it or inwards
    room = np.maximum(normals @ origin - least, 0.0)
    low, high = _ends(room, normals @ rounded)
    if high - low < _SHORTEST:  # between walls: go along them
        touched = np.vstack([normals[room < _SHORTEST], np.isin(np.arange(N_FEATURES), SHARES)])
        rounded = _on_grid(direction - np.linalg.pinv(touched) @ (touched @ direction))
        if rounded is None:
            return None
        low, high = _ends(room, normals @ rounded)
        if high - low < _SHORTEST:
            return None
    return Line(origin, rounded.astype(np.float32), low, high)


def _ends(room: NDArray[np.float64], towards: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far a direction may be followed backwards and forwards.

    Parameters
    ----------
    room : ndarray of float64, shape (n_walls,)
        Distance from each wall, 0 and up.
    towards : ndarray of float64, shape (n_walls,)
        How fast it grows; what is less than rounding goes along the wall.
    """
    nearer, farther = towards < -_ALONG, towards > _ALONG
    high = np.min(room[nearer] / -towards[nearer], initial=np.inf)
    low = np.max(-room[farther] / towards[farther], initial=-np.inf)
    return float(low), float(high)


def _on_grid(direction: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Scale a direction to a longest component of 1 and round it; None of nothing."""
    longest = np.abs(direction).max()
    if longest * COEFFICIENT_GRID < 1:
        return None
    units = np.round(direction / longest * COEFFICIENT_GRID)
    shares = list(SHARES)
    units[shares[int(np.abs(units[shares]).argmax())]] -= units[shares].sum()
    rounded: NDArray[np.float64] = units / COEFFICIENT_GRID
    return rounded


def coordinate_directions(weights: Weights) -> dict[str, NDArray[np.float64]]:
    """Return where the coefficients go when one weight grows and the others keep.

    A share grows at the cost of the other shares of its whole, in proportion; the penalty grows
    downwards; a weight that is 1 already shrinks.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_features,)
        For each of `DIRECTION_NAMES`; zeros where the weight has no coefficient at all.
    """
    values = {**real_weights(weights), COMPONENT: weights.weights_final.component}
    here = exact_coefficients(weights)
    directions = {}
    for name in DIRECTION_NAMES:
        end = sum(limits(name))  # the one that is not 0
        moved = share_in_proportion(weights, {name: 0.0 if values[name] == end else end})
        directions[name] = exact_coefficients(moved) - here
    return directions
