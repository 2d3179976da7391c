from __future__ import annotations

import numpy as np
import pytest

from benchmarks.known_optimum import N_CASES, PROBLEMS, TOP_K, accuracy_found, make_problem
from engine.ranking.coefficients import effective_coefficients
from engine.ranking.weights import N_FEATURES, Feature
from objectives.configuration import Configuration
from objectives.search_space import SearchSpace, real_weights


@pytest.fixture
def space(config: Configuration) -> SearchSpace:
    return SearchSpace(config.study.bounds)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("name", "accuracy"), [(name, 0.9 if "wrong" in name else 1.0) for name in PROBLEMS]
)
def test_the_known_weights_give_every_right_label(
    name: str, accuracy: float, seed: int, space: SearchSpace
) -> None:
    problem = make_problem(name, space, seed)
    assert problem.accuracy == accuracy
    assert problem.bank.bank.features.shape == (N_CASES, TOP_K, N_FEATURES)
    assert np.all(problem.bank.labels.is_gold.sum(axis=1) == 1)
    assert not problem.bank.labels.critical.any()
    assert space.nearest(problem.weights) == problem.weights


def test_a_redundant_feature_says_what_another_says(space: SearchSpace) -> None:
    features = make_problem("a redundant feature", space, 1).bank.bank.features
    np.testing.assert_array_equal(
        features[..., Feature.TECHNIQUE], features[..., Feature.LATERALITY]
    )


def test_an_optimum_on_the_boundary_has_shares_of_nothing(space: SearchSpace) -> None:
    problem = make_problem("an optimum on the boundary", space, 1)
    v = effective_coefficients(problem.weights)
    assert v[Feature.MODALITY] == v[Feature.TECHNIQUE] == v[Feature.FREQUENCY] == 0
    weights = real_weights(problem.weights)
    assert weights["exact_match_bonus"] == weights["contrast_mismatch_score"] == 0
    assert weights["contrast_null_score"] == 1


def test_every_seed_draws_other_weights(space: SearchSpace) -> None:
    drawn = {make_problem(name, space, seed).weights for name in PROBLEMS for seed in (1, 2)}
    assert len(drawn) == 2 * len(PROBLEMS)


def test_a_search_begins_at_the_configured_weights_and_climbs(
    config: Configuration, space: SearchSpace
) -> None:
    problem = make_problem("clean", space, 1)
    begun = accuracy_found(config, problem, "line_search", 1, 1)
    at_start = problem._replace(weights=config.weights).accuracy
    assert begun == at_start
    assert accuracy_found(config, problem, "line_search", 1, 3) > begun + 0.05
