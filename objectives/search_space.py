"""The weights that a study changes: their names, their real values and the search coordinates.

A sampler moves in a box of independent coordinates; what is stored, shown and ranked by importance
are the real weights. Shares of a whole (the slot weights, the final weights) come from coordinates
``u`` as ``-log(u)``, normalised: uniform ``u`` give weights that are uniform on the simplex, and
``u = exp(-n * share)`` gives known shares back. (Source: Devroye, "Non-Uniform Random Variate
Generation", 1986, chapter V.2, uniform spacings from exponential variates.)
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import ValidationError

from engine.ranking.weights import (
    FEATURE_OF,
    FINALS,
    N_FEATURES,
    OTHERS,
    SHARES,
    SLOTS,
    Feature,
    Kind,
    Weights,
    make_weights,
    value_of,
)
from engine.rounding import shares_on_grid
from support.errors import ConfigurationError
from support.model_problems import first_problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

COMPONENT = "component_weight"  # what the other shares of the whole score leave
WEIGHT_NAMES: tuple[str, ...] = tuple(FEATURE_OF)
SLOT_NAMES = tuple(feature.weight for feature in SLOTS)
FINAL_NAMES = (COMPONENT, *(feature.weight for feature in FINALS))
BOX_NAMES = tuple(feature.weight for feature in OTHERS)

_U_LOW, _U_HIGH = 1e-6, 1.0 - 1e-6
_SHARE_GRID = 10_000
_BOX_DECIMALS = 4
_RESIDUE_DECIMALS = 12  # 1 - 0.6 - 0.4 is not quite 0 in binary


class Coordinate(NamedTuple):
    """One axis of the box in which samplers move."""

    name: str
    low: float
    high: float


def limits(name: str) -> tuple[float, float]:
    """Return the lowest and the highest value that a weight can have.

    Raises
    ------
    ConfigurationError
        When there is no such weight.
    """
    if name == COMPONENT:
        return Kind.FINAL.limits
    if name not in FEATURE_OF:
        raise ConfigurationError(f"{name}: no such weight; there are {', '.join(WEIGHT_NAMES)}")
    return FEATURE_OF[name].kind.limits


def real_weights(weights: Weights) -> dict[str, float]:
    """Return the weights under the names that users know, in the order of `WEIGHT_NAMES`.

    ``component_weight`` is left out: it is what semantic and frequency leave.
    """
    return {name: value_of(weights, feature) for name, feature in FEATURE_OF.items()}


def weights_of(values: Mapping[str, float]) -> Weights:
    """Build weights from their real values by name (the inverse of `real_weights`).

    Raises
    ------
    ConfigurationError
        Names the weight that is out of range.
    """
    by_feature = {feature: values[name] for name, feature in FEATURE_OF.items()}
    component = 1.0
    for feature in FINALS:
        component -= by_feature[feature]
    try:
        return make_weights(round(component, _RESIDUE_DECIMALS), by_feature)
    except ValidationError as error:
        raise ConfigurationError(first_problem(error, Weights)) from None


class SearchSpace:
    """The box of coordinates and its map to weights.

    Parameters
    ----------
    bounds : mapping of str to (low, high)
        Range of each weight that is no share.
    ranges : mapping of str to (low, high), optional
        Narrower ranges of single weights. A share with a range of its own is taken first; the
        other shares divide what it leaves.

    Raises
    ------
    ConfigurationError
        When a range is empty, or the ranges leave no room for the other shares.
    """

    def __init__(
        self,
        bounds: Mapping[str, tuple[float, float]],
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self._ranges = {**bounds, **(ranges or {})}
        for name, (low, high) in self._ranges.items():
            least, most = limits(name)
            if not least <= low <= high <= most:
                raise ConfigurationError(
                    f"{name}: [{low}, {high}] is no range within [{least:g}, {most:g}]"
                )
        for group in (SLOT_NAMES, FINAL_NAMES):
            self._check_room(group)

    def _check_room(self, group: Sequence[str]) -> None:
        ranged = [name for name in group if name in self._ranges]
        most = sum(self._ranges[name][1] for name in ranged)
        if len(ranged) == len(group) or (ranged and most >= 1.0):
            raise ConfigurationError(
                f"{', '.join(ranged)}: these ranges leave no room for the other shares of 1"
            )

    @cached_property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The axes, in a fixed order."""
        return tuple(
            Coordinate(name, *self._ranges[name])
            if name in self._ranges
            else Coordinate(f"u_{name}", _U_LOW, _U_HIGH)
            for name in (*SLOT_NAMES, *FINAL_NAMES, *BOX_NAMES)
        )

    def decode(self, point: Mapping[str, float]) -> Weights:
        """Turn coordinates into weights, rounded to four decimals."""
        shares = {**self._shares(SLOT_NAMES, point), **self._shares(FINAL_NAMES, point)}
        box = {name: round(point[name], _BOX_DECIMALS) for name in BOX_NAMES}
        return weights_of({**shares, **box})

    def encode(self, weights: Weights) -> dict[str, float]:
        """Turn weights into coordinates, moved to the border of the box where they lie outside."""
        values = real_weights(weights)
        values[COMPONENT] = weights.weights_final.component
        point: dict[str, float] = {}
        for group in (SLOT_NAMES, FINAL_NAMES):
            free = [name for name in group if name not in self._ranges]
            room = sum(values[name] for name in free)
            for name in free:
                share = values[name] / room if room else 1 / len(free)
                point[f"u_{name}"] = math.exp(-len(free) * share)
        for name in self._ranges:
            point[name] = values[name]
        return {
            axis.name: min(max(point[axis.name], axis.low), axis.high) for axis in self.coordinates
        }

    def nearest(self, weights: Weights) -> Weights:
        """Round weights to four decimals, and move them inside where they lie outside."""
        return self.decode(self.encode(weights))

    @cached_property
    def walls(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ends of the space, in effective coefficients ``v``.

        Every weight of the space fulfils ``normals @ v >= least``: shares of shares and credits
        for contrast are ratios of coefficients, so their ranges are linear in ``v``.

        Normals are float64 of shape (n_walls, n_features), `least` is of shape (n_walls,).
        """
        walls: list[tuple[NDArray[np.float64], float]] = [
            (_row({share: 1.0}), 0.0) for share in SHARES
        ]
        for name, (low, high) in self._ranges.items():
            part, whole = _ratio(name)
            if whole is None:
                walls += [(part, low), (-part, -high)]
            else:
                walls += [(part - low * whole, 0.0), (high * whole - part, 0.0)]
        return np.array([row for row, _ in walls]), np.array([least for _, least in walls])

    def _shares(self, group: Sequence[str], point: Mapping[str, float]) -> dict[str, float]:
        fixed = {name: point[name] for name in group if name in self._ranges}
        free = [name for name in group if name not in fixed]
        spacings = np.array([-math.log(point[f"u_{name}"]) for name in free])
        divided = spacings / spacings.sum() * (1.0 - sum(fixed.values()))
        shares = {**fixed, **dict(zip(free, divided.tolist(), strict=True))}
        rounded = shares_on_grid(np.array([shares[name] for name in group]), _SHARE_GRID)
        return dict(zip(group, rounded.tolist(), strict=True))


def _row(entries: Mapping[Feature, float]) -> NDArray[np.float64]:
    row = np.zeros(N_FEATURES)
    for feature, value in entries.items():
        row[feature] = value
    return row


_COMPONENT = _row(dict.fromkeys(SLOTS, 1.0))
_CONTRAST = _row({Feature.CONTRAST_MATCH: 1.0})


def _ratio(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return a weight as a sum of coefficients, over another sum or over 1 (None)."""
    if name == COMPONENT:
        return _COMPONENT, None
    feature = FEATURE_OF[name]
    part = _row({feature: -1.0 if feature.kind is Kind.DEDUCTION else 1.0})
    return part, {Kind.SLOT: _COMPONENT, Kind.CREDIT: _CONTRAST}.get(feature.kind)


def weight_at(name: str, coefficients: NDArray[np.floating]) -> float:
    """Return the real value that a weight has in effective coefficients.

    Parameters
    ----------
    name : str
        One of `WEIGHT_NAMES`, or `COMPONENT`.
    coefficients : ndarray of float, shape (n_features,)
        Where the weight is a share or a credit of something, not of nothing.
    """
    part, whole = _ratio(name)
    return float(part @ coefficients / (1.0 if whole is None else whole @ coefficients))


def share_in_proportion(weights: Weights, chosen: Mapping[str, float]) -> Weights:
    """Set some weights to given values; the other shares divide the rest as they stood.

    Raises
    ------
    ConfigurationError
        When the chosen shares are negative or take more than the whole.
    """
    values = real_weights(weights)
    values[COMPONENT] = weights.weights_final.component
    for group in (SLOT_NAMES, FINAL_NAMES):
        taken = {name: chosen[name] for name in group if name in chosen}
        if not taken:
            continue
        others = [name for name in group if name not in chosen]
        rest, stood = 1.0 - sum(taken.values()), sum(values[name] for name in others)
        if min(taken.values(), default=0.0) < 0 or rest < 0 or (rest > 0 and not others):
            raise ConfigurationError(f"{', '.join(taken)}: {taken} are no shares of 1")
        values.update(taken)
        values.update(
            {name: rest * (values[name] / stood if stood else 1 / len(others)) for name in others}
        )
        rounded = shares_on_grid(np.array([values[name] for name in group]), _SHARE_GRID)
        values.update(zip(group, rounded.tolist(), strict=True))
    values.update({name: chosen[name] for name in BOX_NAMES if name in chosen})
    return weights_of(values)
