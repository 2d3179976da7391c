from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.configuration import Configuration
from objectives.search_space import (
    FINAL_NAMES,
    SLOT_NAMES,
    WEIGHT_NAMES,
    SearchSpace,
    real_weights,
    share_in_proportion,
    weights_of,
)
from support.errors import ConfigurationError

NAMES_USERS_KNOW = [
    "anatomy_weight", "context_match_bonus", "contrast_mismatch_score", "contrast_null_score",
    "contrast_weight", "exact_match_bonus", "frequency_weight", "interventional_bonus",
    "interventional_penalty", "laterality_weight", "modality_weight", "semantic_weight",
    "specificity_penalty_weight", "synonym_match_bonus", "technique_weight",
]  # fmt: skip


def test_the_names_of_the_weights_are_those_users_know() -> None:
    assert sorted(WEIGHT_NAMES) == NAMES_USERS_KNOW


def test_current_weights_survive_the_way_to_coordinates_and_back(config: Configuration) -> None:
    space = SearchSpace(config.study.bounds)
    back = real_weights(space.decode(space.encode(config.weights)))
    assert back == pytest.approx(real_weights(config.weights), abs=1e-4)


@given(st.data())
def test_any_point_of_the_box_is_a_set_of_weights(
    config: Configuration, data: st.DataObject
) -> None:
    space = SearchSpace(config.study.bounds)
    point = {
        axis.name: data.draw(st.floats(axis.low, axis.high), label=axis.name)
        for axis in space.coordinates
    }
    values = real_weights(space.decode(point))
    assert sum(values[name] for name in SLOT_NAMES) == pytest.approx(1.0, abs=1e-9)
    for name, (low, high) in config.study.bounds.items():
        assert low - 1e-4 <= values[name] <= high + 1e-4


def test_uniform_coordinates_give_uniform_shares(config: Configuration) -> None:
    space = SearchSpace(config.study.bounds)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(4000):
        point = {a.name: rng.uniform(a.low, a.high) for a in space.coordinates}
        drawn.append(real_weights(space.decode(point))["anatomy_weight"])
    # a share of a flat Dirichlet distribution over five has mean 1/5 and standard deviation 0.163
    assert np.mean(drawn) == pytest.approx(0.2, abs=0.01)
    assert np.std(drawn) == pytest.approx(math.sqrt(4 / 150), abs=0.01)


def test_known_shares_come_from_exponentials(config: Configuration) -> None:
    point = SearchSpace(config.study.bounds).encode(config.weights)
    assert point["u_anatomy_weight"] == pytest.approx(math.exp(-5 * 0.35))
    assert point["u_semantic_weight"] == pytest.approx(math.exp(-3 * 0.35))


def test_a_range_keeps_a_share_within_it(config: Configuration) -> None:
    space = SearchSpace(config.study.bounds, {"anatomy_weight": (0.30, 0.32)})
    rng = np.random.default_rng(2)
    for _ in range(200):
        point = {a.name: rng.uniform(a.low, a.high) for a in space.coordinates}
        values = real_weights(space.decode(point))
        assert 0.2999 <= values["anatomy_weight"] <= 0.3201
        assert sum(values[name] for name in SLOT_NAMES) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({"anatomy_weight": (0.2, 1.0)}, "no room"),
        (dict.fromkeys(SLOT_NAMES, (0.1, 0.15)), "no room"),
        ({"anatomy_weight": (0.5, 0.4)}, "no range"),
        ({"anatomy_weight": (-0.5, 0.4)}, "no range"),
        ({"interventional_penalty": (-0.5, 0.4)}, "no range"),
        ({"no_such_weight": (0.1, 0.2)}, "no such weight"),
    ],
)
def test_impossible_ranges_are_refused(
    ranges: dict[str, tuple[float, float]], said: str, config: Configuration
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        SearchSpace(config.study.bounds, ranges)


def test_other_shares_divide_the_rest_in_proportion(config: Configuration) -> None:
    chosen = {"anatomy_weight": 0.5, "exact_match_bonus": 0.4}
    values = real_weights(share_in_proportion(config.weights, chosen))
    current = real_weights(config.weights)
    assert values["anatomy_weight"] == 0.5
    assert values["exact_match_bonus"] == 0.4
    assert values["modality_weight"] / values["technique_weight"] == pytest.approx(
        current["modality_weight"] / current["technique_weight"], rel=1e-3
    )
    assert sum(values[name] for name in SLOT_NAMES) == pytest.approx(1.0)
    assert values["semantic_weight"] == current["semantic_weight"]


def test_shares_beyond_the_whole_are_refused(config: Configuration) -> None:
    with pytest.raises(ConfigurationError, match="no shares of 1"):
        share_in_proportion(config.weights, {"anatomy_weight": 0.7, "modality_weight": 0.6})


def test_real_weights_and_weights_are_inverse(config: Configuration) -> None:
    assert real_weights(weights_of(real_weights(config.weights))) == real_weights(config.weights)


def test_final_shares_leave_the_component_its_part(config: Configuration) -> None:
    weights = share_in_proportion(config.weights, {"semantic_weight": 0.5})
    final = weights.weights_final.model_dump()
    assert sum(final.values()) == pytest.approx(1.0)
    assert FINAL_NAMES[0] == "component_weight"
