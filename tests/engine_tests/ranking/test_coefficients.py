from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.coefficients import effective_coefficients, weights_from_coefficients
from engine.ranking.weights import (
    FINALS,
    N_FEATURES,
    OTHERS,
    SLOTS,
    Feature,
    Weights,
    make_weights,
)
from engine.rounding import COEFFICIENT_GRID
from objectives.configuration import Configuration
from objectives.search_space import WEIGHT_NAMES, real_weights, weights_of


def shares(n_shares: int) -> st.SearchStrategy[list[float]]:
    parts = st.lists(st.integers(0, 1000), min_size=n_shares, max_size=n_shares)
    return parts.filter(any).map(lambda chosen: [part / sum(chosen) for part in chosen])


@st.composite
def any_weights(draw: st.DrawFn) -> Weights:
    component, *finals = draw(shares(1 + len(FINALS)))
    values = dict(zip((*FINALS, *SLOTS), [*finals, *draw(shares(len(SLOTS)))], strict=True))
    for feature in OTHERS:
        values[feature] = draw(st.floats(*feature.kind.limits))
    return make_weights(component, values)


@given(any_weights())
def test_coefficients_lie_on_their_grid_and_shares_sum_to_one(weights: Weights) -> None:
    v = effective_coefficients(weights).astype(np.float64)
    assert np.all(v * COEFFICIENT_GRID == np.round(v * COEFFICIENT_GRID))
    in_sum = [
        Feature.ANATOMY,
        Feature.MODALITY,
        Feature.LATERALITY,
        Feature.CONTRAST_MATCH,
        Feature.TECHNIQUE,
        Feature.SEMANTIC,
        Feature.FREQUENCY,
    ]
    assert v[in_sum].sum() == 1.0


@given(any_weights())
def test_coefficients_survive_the_way_to_a_configuration_and_back(weights: Weights) -> None:
    v = effective_coefficients(weights)
    assert np.array_equal(effective_coefficients(weights_from_coefficients(v)), v)


@given(any_weights(), st.integers(0, 2**32 - 1))
def test_scores_do_not_depend_on_the_order_of_summation(weights: Weights, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = (rng.integers(0, 129, size=(50, N_FEATURES)) / 128).astype(np.float32)
    features[:, Feature.UNSTATED_ADDITIONS] = rng.integers(0, 10, size=50)
    v = effective_coefficients(weights)
    scores = features @ v
    order = rng.permutation(N_FEATURES)
    assert np.array_equal(scores, features[:, order] @ v[order])
    assert np.array_equal(scores, np.einsum("cf,f->c", features, v))
    assert np.array_equal(
        scores,
        [sum((a * b for a, b in zip(row, v, strict=True)), np.float32(0)) for row in features],
    )
    assert np.array_equal(
        scores.astype(np.float64), features.astype(np.float64) @ v.astype(np.float64)
    )


@pytest.mark.parametrize("name", WEIGHT_NAMES)
def test_every_weight_moves_the_score(name: str, config: Configuration) -> None:
    values = real_weights(config.weights)
    step = 0.05 if values[name] < 0.9 else -0.05
    values[name] += step
    if name in ("anatomy_weight", "modality_weight", "laterality_weight"):
        values["technique_weight"] -= step
    if name in ("contrast_weight", "technique_weight"):
        values["anatomy_weight"] -= step
    before = effective_coefficients(config.weights)
    after = effective_coefficients(weights_of(values))
    assert not np.array_equal(before, after)


def test_a_higher_weight_never_lowers_its_own_coefficient(config: Configuration) -> None:
    values = real_weights(config.weights)
    seen = []
    for bonus in np.linspace(0, 1, 30):
        v = effective_coefficients(weights_of(values | {"exact_match_bonus": float(bonus)}))
        seen.append(v[Feature.EXACT_MATCH])
    assert all(low <= high for low, high in pairwise(seen))
