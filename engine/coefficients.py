"""From configuration to effective coefficients and back: the one place that knows the formula.

The score of a candidate is the dot product of its features with the effective coefficients::

    score = component * (anatomy * anatomy_similarity + modality * modality_similarity
                         + laterality * laterality_similarity
                         + contrast * (match + contrast_mismatch_score * mismatch
                                       + contrast_null_score * one_side_unstated)
                         + technique * technique_similarity)
            + semantic * text_similarity + frequency * usage
            + interventional_bonus * agreement + interventional_penalty * conflict
            - specificity_penalty_weight * n_unstated_additions
            + exact_match_bonus * same_words + synonym_match_bonus * same_slots
            + context_match_bonus * same_context

The configuration is multilinear, the score linear in the coefficients. Coefficients are multiples
of 1/4096 and features multiples of 1/128, so that every partial sum below 32 is a multiple of
2**-19 with at most 24 significant bits: sums are exact in float32 in any order.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from engine.grid import on_grid, shares_on_grid
from engine.settings import ComponentWeights, FinalWeights, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

COEFFICIENT_GRID = 4096
FEATURE_GRID = 128


class Feature(IntEnum):
    """The columns of a feature vector; every value lies in [0, 1] unless it says otherwise."""

    ANATOMY = 0
    MODALITY = 1
    LATERALITY = 2
    CONTRAST_MATCH = 3
    CONTRAST_MISMATCH = 4
    CONTRAST_NULL = 5
    TECHNIQUE = 6
    SEMANTIC = 7
    FREQUENCY = 8
    INTERVENTIONAL_AGREEMENT = 9
    INTERVENTIONAL_CONFLICT = 10
    UNSTATED_ADDITIONS = 11  # a count, 0 and up
    EXACT_MATCH = 12
    SYNONYM_MATCH = 13
    CONTEXT_MATCH = 14


N_FEATURES = len(Feature)


SHARES = (  # of the whole score: they sum to 1
    Feature.ANATOMY,
    Feature.MODALITY,
    Feature.LATERALITY,
    Feature.CONTRAST_MATCH,
    Feature.TECHNIQUE,
    Feature.SEMANTIC,
    Feature.FREQUENCY,
)


def coefficient_rays() -> NDArray[np.float32]:
    """Return directions of which every configuration's coefficients are sums, none negative.

    Penalties are at most 0, everything else is at least 0, and neither credit for contrast
    exceeds the one for a match. A candidate that falls behind another in no ray can be ranked
    above it by no configuration.

    Returns
    -------
    ndarray of float32, shape (n_rays, n_features)
    """
    contrast = (Feature.CONTRAST_MATCH, Feature.CONTRAST_MISMATCH, Feature.CONTRAST_NULL)
    penalties = (Feature.INTERVENTIONAL_CONFLICT, Feature.UNSTATED_ADDITIONS)
    rays = [
        {feature: -1.0 if feature in penalties else 1.0}
        for feature in Feature
        if feature not in contrast
    ]
    corners = [(1.0, mismatch, null) for mismatch in (0.0, 1.0) for null in (0.0, 1.0)]
    rays += [dict(zip(contrast, corner, strict=True)) for corner in corners]
    return np.array(
        [[ray.get(feature, 0.0) for feature in Feature] for ray in rays], dtype=np.float32
    )


def effective_coefficients(weights: Weights) -> NDArray[np.float32]:
    """Turn a configuration into the coefficients of the linear score.

    The seven shares (five slots, text, frequency) are rounded by largest remainder, so that they
    sum to exactly 1 on the grid.

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
    slot, final = weights.weights_component, weights.weights_final
    return np.array(
        [
            final.component * slot.anatomy,
            final.component * slot.modality,
            final.component * slot.laterality,
            final.component * slot.contrast,
            final.component * slot.technique,
            final.semantic,
            final.frequency,
        ],
        dtype=np.float64,
    )


def _with_shares(weights: Weights, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the seven shares and everything else in the order of `Feature`."""
    v = np.zeros(N_FEATURES, dtype=np.float64)
    v[list(SHARES)] = shares
    contrast = v[Feature.CONTRAST_MATCH]
    v[Feature.CONTRAST_MISMATCH] = contrast * weights.contrast_mismatch_score
    v[Feature.CONTRAST_NULL] = contrast * weights.contrast_null_score
    v[Feature.INTERVENTIONAL_AGREEMENT] = weights.interventional_bonus
    v[Feature.INTERVENTIONAL_CONFLICT] = weights.interventional_penalty
    v[Feature.UNSTATED_ADDITIONS] = -weights.specificity_penalty_weight
    v[Feature.EXACT_MATCH] = weights.exact_match_bonus
    v[Feature.SYNONYM_MATCH] = weights.synonym_match_bonus
    v[Feature.CONTEXT_MATCH] = weights.context_match_bonus
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
    for credit in (Feature.CONTRAST_MISMATCH, Feature.CONTRAST_NULL):
        v[credit] = min(v[credit], v[Feature.CONTRAST_MATCH])
    return v.astype(np.float32)


def weights_from_coefficients(coefficients: NDArray[np.float32]) -> Weights:
    """Turn effective coefficients back into a configuration that has exactly these coefficients.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (n_features,)
        As `effective_coefficients` gives them: the seven shares sum to 1.

    Returns
    -------
    Weights
        ``effective_coefficients`` of it is `coefficients` again; a ratio that a zero component or
        contrast share leaves undetermined comes back as equal shares or as 0.
    """
    v = {feature: float(coefficients[feature]) for feature in Feature}
    slots = {
        "anatomy": v[Feature.ANATOMY],
        "modality": v[Feature.MODALITY],
        "laterality": v[Feature.LATERALITY],
        "contrast": v[Feature.CONTRAST_MATCH],
        "technique": v[Feature.TECHNIQUE],
    }
    component = sum(slots.values())
    contrast = slots["contrast"]
    return Weights(
        weights_component=ComponentWeights(
            **{
                name: share / component if component else 1 / len(slots)
                for name, share in slots.items()
            }
        ),
        weights_final=FinalWeights(
            component=component,
            semantic=v[Feature.SEMANTIC],
            frequency=v[Feature.FREQUENCY],
        ),
        interventional_bonus=v[Feature.INTERVENTIONAL_AGREEMENT],
        interventional_penalty=v[Feature.INTERVENTIONAL_CONFLICT],
        specificity_penalty_weight=-v[Feature.UNSTATED_ADDITIONS],
        exact_match_bonus=v[Feature.EXACT_MATCH],
        synonym_match_bonus=v[Feature.SYNONYM_MATCH],
        context_match_bonus=v[Feature.CONTEXT_MATCH],
        contrast_mismatch_score=v[Feature.CONTRAST_MISMATCH] / contrast if contrast else 0.0,
        contrast_null_score=v[Feature.CONTRAST_NULL] / contrast if contrast else 0.0,
    )
