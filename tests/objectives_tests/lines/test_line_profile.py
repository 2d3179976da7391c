"""The interval arithmetic of the line search against trying every place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from engine.ranking.coefficients import nearest_coefficients, weights_from_coefficients
from objectives.bank.labelled_bank import critical_kinds, is_gold
from objectives.bank.trial_bank import Block
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.lines.line import Line, coordinate_directions, line_through
from objectives.lines.line_profile import Profile, line_changes, profile
from objectives.lines.upper_envelope import walk
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from tests.conftest import random_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.configuration import Configuration
    from tests.conftest import MakeBank

N_PROBLEMS = 10_000
N_GROUPS = 2


class Problem(NamedTuple):
    """A few cases with few distinct intercepts and slopes, so that ties abound."""

    block: Block
    line: Line


def random_problem(rng: np.random.Generator) -> Problem:
    n_candidates, n_cases = rng.integers(1, 6), rng.integers(1, 5)
    most = rng.integers(1, 5)
    features = rng.integers(-most, most + 1, size=(n_candidates, n_cases, 2)).astype(np.float32)
    if rng.random() < 0.2:
        features[..., 1] = 0.0  # nothing moves
    groups = rng.integers(0, N_GROUPS, size=n_cases)
    members = (groups == np.arange(N_GROUPS)[:, None]).astype(np.float32)
    codes = rng.choice(np.array([0, 1, 2, 4, 6], np.uint8), size=(n_candidates, n_cases))
    ends = [(-np.inf, np.inf), (-1.5, 2.25), (0.0, np.inf), (-np.inf, 0.0), (-0.1, 0.1)]
    low, high = ends[rng.integers(len(ends))]
    return Problem(
        Block(features, codes, groups, members, np.full(n_cases, n_candidates)),
        Line(np.array([1, 0], np.float32), np.array([0, 1], np.float32), low, high),
    )


def every_crossing(problem: Problem) -> NDArray[np.float64]:
    """Return where any two candidates of a case cross, rising, each place once."""
    intercepts, slopes = np.moveaxis(problem.block.features.astype(np.float64), 2, 0)
    behind = intercepts[:, None] - intercepts[None]
    gains = slopes[None] - slopes[:, None]
    places = behind[gains != 0] / gains[gains != 0]
    inside = (places > problem.line.low) & (places < problem.line.high)
    return np.unique(places[inside])


def counts_at(block: Block, line: Line, t: float) -> tuple[NDArray[np.int64], ...]:
    """Count what is right and dangerous at one place, the first of equally good ones winning."""
    scores = block.features.astype(np.float64) @ line.at(t)
    codes = block.codes[scores.argmax(axis=0), np.arange(scores.shape[1])]
    right = [np.sum(is_gold(codes) & (block.groups == group)) for group in range(N_GROUPS)]
    return np.array(right), critical_kinds(codes).sum(axis=0)


def between(places: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return a place inside each stretch that the places leave between the ends."""
    edges = np.concatenate([[low], places, [high]])
    edges = np.clip(edges, min(places, default=0.0) - 8.0, max(places, default=0.0) + 8.0)
    middles: NDArray[np.float64] = (edges[1:] + edges[:-1]) / 2
    return middles


def interval_of(found: Profile, t: float) -> int:
    return int(np.searchsorted(found.edges[1:-1], t, side="right"))


@pytest.mark.parametrize("seed", range(10))
def test_small_problems_equal_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(N_PROBLEMS // 10):
        problem = random_problem(rng)
        block, line = problem
        found = profile(line_changes([block], line, N_GROUPS), line)
        assert found.edges[0] == line.low
        assert found.edges[-1] == line.high
        assert np.all(np.diff(found.edges) > 0)
        places = every_crossing(problem)
        assert np.isin(found.edges[1:-1], places).all()
        for t in between(places, line.low, line.high):
            correct, critical = counts_at(block, line, t)
            i = interval_of(found, t)
            assert np.array_equal(found.correct[i], correct), (problem, t)
            assert np.array_equal(found.critical[i], critical), (problem, t)


def test_a_single_candidate_wins_everywhere() -> None:
    changes = walk(np.array([[3.0]]), np.array([[-2.0]]), np.inf)
    assert changes.first.tolist() == [0]
    assert len(changes.cases) == 0


def test_of_several_that_cross_at_once_the_steepest_goes_on() -> None:
    intercepts = np.array([[0.0], [-1.0], [-2.0], [-3.0]])
    slopes = np.array([[0.0], [1.0], [2.0], [0.5]])
    changes = walk(intercepts, slopes, np.inf)
    assert changes.distances.tolist() == [1.0]
    assert changes.nearer.tolist() == [0]
    assert changes.farther.tolist() == [2]


def test_every_stretch_of_a_line_has_the_value_that_an_evaluation_finds(
    config: Configuration, make_bank: MakeBank
) -> None:
    """Where a stretch is wide enough to hold weights rounded to the grid."""
    objective = WeightObjective(
        make_bank(400, ("A", "B", "C")), make_bank(50, ("SANITY",), seed=1), config.objective
    )
    space = SearchSpace(config.study.bounds)
    n_compared = 0
    for weights in random_weights(config, 8, seed=5):
        for direction in coordinate_directions(weights).values():
            line = line_through(weights, direction, space)
            if line is None:
                continue
            stretches = objective.along(line)
            wide = np.flatnonzero(np.diff(stretches.edges) > 0.004)
            for i in wide[:3]:
                middle = float(stretches.edges[i] + stretches.edges[i + 1]) / 2
                there = weights_from_coefficients(nearest_coefficients(line.at(middle)))
                valuation = objective.evaluate(there)
                assert valuation.critical_by_kind is not None
                assert valuation.value == stretches.values[i]
                assert [valuation.critical_by_kind[kind] for kind in CRITICAL_KINDS] == list(
                    stretches.critical[i]
                )
                n_compared += 1
    assert n_compared > 100
