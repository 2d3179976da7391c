"""How far a weight may move, against re-scoring every case between any two crossings."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.ranking.coefficients import effective_coefficients, weights_from_coefficients
from engine.ranking.weights import ComponentWeights, Feature, Weights
from objectives.bank.labelled_bank import is_gold
from objectives.lines.line import DIRECTION_NAMES, coordinate_directions, line_through
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace, real_weights, share_in_proportion
from objectives.weight_effects import Span, _around_origin, weight_effects
from tests.conftest import random_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration
    from objectives.lines.line import Line
    from objectives.weight_effects import WeightEffect
    from tests.conftest import MakeBank

SITES = ("A", "B")
Z = 1.96


@pytest.fixture
def banks(make_bank: MakeBank) -> tuple[LabelledBank, LabelledBank]:
    return make_bank(70, SITES), make_bank(20, ("SANITY",), seed=1)


def right_at(bank: LabelledBank, vector: NDArray[np.float64]) -> NDArray[np.bool_]:
    winners = (bank.facts().features.astype(np.float64) @ vector).argmax(axis=1)
    return is_gold(bank.labels.codes[np.arange(len(winners)), winners])


def paired_by_hand(
    banks: tuple[LabelledBank, LabelledBank],
    sanity_weight: float,
    old: NDArray[np.float64],
    new: NDArray[np.float64],
) -> tuple[float, float]:
    """Return the change of the objective and its standard error."""
    tuning, sanity = banks
    groups = [(tuning.at([site]), (1 - sanity_weight) / len(SITES)) for site in SITES]
    change = variance = 0.0
    for bank, share in [*groups, (sanity, sanity_weight)]:
        was_right, is_right = right_at(bank, old), right_at(bank, new)
        wins, losses = np.sum(is_right & ~was_right), np.sum(was_right & ~is_right)
        change += share / len(bank.cases) * (int(wins) - int(losses))
        variance += (share / len(bank.cases)) ** 2 * (int(wins) + int(losses))
    return change, sqrt(variance)


def every_crossing(banks: tuple[LabelledBank, LabelledBank], line: Line) -> NDArray[np.float64]:
    """Return where any two candidates of a case cross, the ends of the line included."""
    places = [np.array([line.low, line.high, 0.0])]
    for bank in banks:
        features = bank.facts().features.astype(np.float64)
        intercepts, slopes = features @ line.origin, features @ line.direction
        behind = intercepts[:, :, None] - intercepts[:, None]
        gains = slopes[:, None] - slopes[:, :, None]
        places.append(behind[gains != 0] / gains[gains != 0])
    found = np.unique(np.concatenate(places))
    return found[(found >= line.low) & (found <= line.high)]


def span_by_hand(places: NDArray[np.float64], holds: list[bool]) -> tuple[float, float]:
    """Walk from the origin both ways, as far as all holds."""
    high = low = int(np.flatnonzero(places == 0)[0])
    while high < len(holds) and holds[high]:
        high += 1
    while low > 0 and holds[low - 1]:
        low -= 1
    return float(places[low]), float(places[high])


def assert_reaches(
    name: str, line: Line, span: Span, value: float, by_hand: tuple[float, float]
) -> None:
    ends = sorted([value, *(weight_by_hand(name, line.at(t)) for t in by_hand)])
    assert span == pytest.approx((ends[0], ends[-1]), abs=1e-9), name


def weight_by_hand(name: str, v: NDArray[np.float64]) -> float:
    """Return a weight as the score's formula defines it."""
    component = 1 - v[Feature.SEMANTIC] - v[Feature.FREQUENCY]
    contrast = v[Feature.CONTRAST_MATCH]
    found = {
        "anatomy_weight": lambda: v[Feature.ANATOMY] / component,
        "modality_weight": lambda: v[Feature.MODALITY] / component,
        "laterality_weight": lambda: v[Feature.LATERALITY] / component,
        "contrast_weight": lambda: contrast / component,
        "technique_weight": lambda: v[Feature.TECHNIQUE] / component,
        "semantic_weight": lambda: v[Feature.SEMANTIC],
        "frequency_weight": lambda: v[Feature.FREQUENCY],
        "component_weight": lambda: component,
        "contrast_mismatch_score": lambda: v[Feature.CONTRAST_MISMATCH] / contrast,
        "contrast_null_score": lambda: v[Feature.CONTRAST_NULL] / contrast,
        "specificity_penalty_weight": lambda: -v[Feature.UNSTATED_ADDITIONS],
        "interventional_bonus": lambda: v[Feature.INTERVENTIONAL_AGREEMENT],
        "interventional_penalty": lambda: v[Feature.INTERVENTIONAL_CONFLICT],
        "exact_match_bonus": lambda: v[Feature.EXACT_MATCH],
        "synonym_match_bonus": lambda: v[Feature.SYNONYM_MATCH],
        "context_match_bonus": lambda: v[Feature.CONTEXT_MATCH],
    }
    return float(found[name]())


def lines_of(
    weights: Weights, space: SearchSpace, effects: list[WeightEffect]
) -> Iterator[tuple[WeightEffect, Line]]:
    settled = weights_from_coefficients(effective_coefficients(weights))
    directions = coordinate_directions(settled)
    for effect in effects:
        line = line_through(settled, directions[effect.name], space)
        if line is not None:
            yield effect, line


@pytest.mark.parametrize("seed", range(2))
def test_spans_and_losses_equal_brute_force(
    config: Configuration, banks: tuple[LabelledBank, LabelledBank], seed: int
) -> None:
    space, share = SearchSpace(config.study.bounds), config.objective.sanity_weight
    weights = config.weights if seed == 0 else random_weights(config, 1, seed=seed)[0]
    effects = weight_effects(WeightObjective(*banks, config.objective), weights, space)
    assert sorted(effect.name for effect in effects) == sorted(DIRECTION_NAMES)
    lost = [effect.lost_without for effect in effects]
    assert lost == sorted(lost, reverse=True)
    here = effective_coefficients(weights).astype(np.float64)
    n_lines = 0
    for effect, line in lines_of(weights, space, effects):
        places = every_crossing(banks, line)
        middles = (places[1:] + places[:-1]) / 2
        paired = [paired_by_hand(banks, share, here, line.at(t)) for t in middles]
        equal = [abs(change) < 1e-12 for change, _ in paired]
        within = [-change <= Z * error + 1e-12 for change, error in paired]
        value = effect.value
        assert_reaches(effect.name, line, effect.reach, value, (line.low, line.high))
        assert_reaches(effect.name, line, effect.equal, value, span_by_hand(places, equal))
        assert_reaches(effect.name, line, effect.within_noise, value, span_by_hand(places, within))
        without = share_in_proportion(weights, {effect.name: 0.0})
        gone = effective_coefficients(without).astype(np.float64)
        change, error = paired_by_hand(banks, share, here, gone)
        assert effect.lost_without == pytest.approx(-change, abs=1e-12)
        assert effect.noise_without == pytest.approx(Z * error, abs=1e-12)
        moved = any(abs(c) > Z * e + 1e-12 for c, e in [*paired, (change, error)])
        assert effect.has_effect == moved
        n_lines += 1
    assert n_lines > 10


def test_a_weight_of_a_feature_that_no_candidate_has_is_without_effect(
    config: Configuration, banks: tuple[LabelledBank, LabelledBank]
) -> None:
    for bank in banks:
        bank.bank.features[..., Feature.CONTEXT_MATCH] = 0.0
    space = SearchSpace(config.study.bounds)
    effects = weight_effects(WeightObjective(*banks, config.objective), config.weights, space)
    by_name = {effect.name: effect for effect in effects}
    idle = by_name["context_match_bonus"]
    assert not idle.has_effect
    low, high = config.study.bounds["context_match_bonus"]
    assert idle.reach == idle.equal == idle.within_noise == idle.as_safe
    assert idle.reach == pytest.approx((low, high), abs=1e-3)
    assert (idle.lost_without, idle.noise_without, idle.critical_without) == (0.0, 0.0, {})
    assert by_name["anatomy_weight"].has_effect
    assert by_name["anatomy_weight"].is_missed


def test_a_share_too_small_for_the_grid_keeps_no_other_from_growing(
    config: Configuration, banks: tuple[LabelledBank, LabelledBank]
) -> None:
    slots = ComponentWeights.model_validate(
        {
            "anatomy": 0.3499,
            "modality": 0.3,
            "laterality": 0.2,
            "contrast": 0.15,
            "technique": 0.0001,
        }
    )
    weights = config.weights.model_copy(update={"weights_component": slots})
    space = SearchSpace(config.study.bounds)
    effects = weight_effects(WeightObjective(*banks, config.objective), weights, space)
    (anatomy,) = (effect for effect in effects if effect.name == "anatomy_weight")
    assert anatomy.reach == pytest.approx((0.0, 1.0), abs=0.01)
    assert anatomy.value == real_weights(weights)["anatomy_weight"]


@pytest.mark.parametrize(
    ("edges", "holds", "expected"),
    [
        ([-1, 1], [True], (-1, 1)),
        ([-1, 1], [False], (0, 0)),
        ([-1, 0, 1], [True, False], (-1, 0)),
        ([-1, 0, 1], [False, True], (0, 1)),
        ([0, 1, 2], [True, False], (0, 1)),
        ([-2, -1, 0], [False, True], (-1, 0)),
        ([-2, -1, 1, 2, 3], [True, True, False, True], (-2, 1)),
        ([-np.inf, -1, np.inf], [False, True], (-1, np.inf)),
    ],
)
def test_the_connected_intervals_around_the_origin(
    edges: list[float], holds: list[bool], expected: tuple[float, float]
) -> None:
    assert _around_origin(np.array(edges, dtype=float), np.array(holds)) == expected
