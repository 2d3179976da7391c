"""From configuration to effective coefficients and back: the one place that knows the formula.

The score of a candidate is the dot product of its features with the effective coefficients::

    score = component * (sum of slot share * feature,
                         and of contrast share * credit * feature)
            + sum of final share * feature
            + sum of bonus or penalty * feature - sum of deduction * feature

with the rows of `engine.ranking.weights.Feature`.

The configuration is multilinear, the score linear in the coefficients. Coefficients are multiples
of 1/4096 and features multiples of 1/128, so that every partial sum below 32 is a multiple of
2**-19 with at most 24 significant bits: sums are exact in float32 in any order.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from engine.ranking.weights import (
    ADDED,
    CREDITS,
    FINALS,
    N_FEATURES,
    SHARES,
    SLOTS,
    Feature,
    Kind,
    Weights,
    make_weights,
    value_of,
)
from engine.rounding import COEFFICIENT_GRID, on_grid, shares_on_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CONTRAST = (Feature.CONTRAST_MATCH, *CREDITS)


def coefficient_rays() -> NDArray[np.float32]:
    """Return directions of which every configuration's coefficients are sums, none negative.

    Penalties and deductions are at most 0, everything else is at least 0, and no credit for
    contrast exceeds the one for a match. A candidate that falls behind another in no ray can be
    ranked above it by no configuration.

    Returns
    -------
    ndarray of float32, shape (n_rays, n_features)
    """
    rays = [
        {feature: -1.0 if feature.kind in (Kind.PENALTY, Kind.DEDUCTION) else 1.0}
        for feature in Feature
        if feature not in _CONTRAST
    ]
    corners = itertools.product((0.0, 1.0), repeat=len(CREDITS))
    rays += [dict(zip(_CONTRAST, (1.0, *corner), strict=True)) for corner in corners]
    return np.array(
        [[ray.get(feature, 0.0) for feature in Feature] for ray in rays], dtype=np.float32
    )


def effective_coefficients(weights: Weights) -> NDArray[np.float32]:
    """Turn a configuration into the coefficients of the linear score.

    The shares (slots, text, frequency) are rounded by largest remainder, so that they sum to
    exactly 1 on the grid.

    Returns
    -------
    ndarray of float32, shape (n_features,)
        Multiples of 1/4096, in the order of `Feature`.
    """
    shares = shares_on_grid(_shares(weights), COEFFICIENT_GRID)
    return on_grid(_with_shares(weights, shares), COEFFICIENT_GRID).astype(np.float32)


def exact_coefficients(weights: Weights) -> NDArray[np.float64]:
    """Turn a configuration into coefficients as `effective_coefficients` does, but off the grid.

    Linear in each weight alone, and in each way of moving one share while the others of its
    whole keep their proportions.

    Returns
    -------
    ndarray of float64, shape (n_features,)
    """
    return _with_shares(weights, _shares(weights))


def _shares(weights: Weights) -> NDArray[np.float64]:
    component = weights.weights_final.component
    slots = [component * value_of(weights, feature) for feature in SLOTS]
    finals = [value_of(weights, feature) for feature in FINALS]
    return np.array(slots + finals, dtype=np.float64)


def _with_shares(weights: Weights, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the shares and everything else in the order of `Feature`."""
    v = np.zeros(N_FEATURES, dtype=np.float64)
    v[list(SHARES)] = shares
    for feature in CREDITS:
        v[feature] = v[Feature.CONTRAST_MATCH] * value_of(weights, feature)
    for feature in ADDED:
        sign = -1.0 if feature.kind is Kind.DEDUCTION else 1.0
        v[feature] = sign * value_of(weights, feature)
    return v


def nearest_coefficients(coefficients: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round coefficients to the nearest that a configuration can have.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (n_features,)
        As `exact_coefficients` gives them; a share may be below 0 by a rounding error.
    """
    v = on_grid(coefficients, COEFFICIENT_GRID)
    shares = np.maximum(coefficients[list(SHARES)], 0.0)
    v[list(SHARES)] = shares_on_grid(shares, COEFFICIENT_GRID)
    for credit in CREDITS:
        v[credit] = min(v[credit], v[Feature.CONTRAST_MATCH])
    return v.astype(np.float32)


def weights_from_coefficients(coefficients: NDArray[np.float32]) -> Weights:
    """Turn effective coefficients back into a configuration that has exactly these coefficients.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (n_features,)
        As `effective_coefficients` gives them: the shares sum to 1.

    Returns
    -------
    Weights
        ``effective_coefficients`` of it is `coefficients` again; a ratio that a zero component or
        contrast share leaves undetermined comes back as equal shares or as 0.
    """
    v = {feature: float(coefficients[feature]) for feature in Feature}
    component, contrast = sum(v[feature] for feature in SLOTS), v[Feature.CONTRAST_MATCH]
    values = {feature: v[feature] for feature in FINALS}
    values |= {f: v[f] / component if component else 1 / len(SLOTS) for f in SLOTS}
    values |= {f: v[f] / contrast if contrast else 0.0 for f in CREDITS}
    values |= {f: -v[f] if f.kind is Kind.DEDUCTION else v[f] for f in ADDED}
    return make_weights(component, values)
