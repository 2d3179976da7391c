from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.ranking.coefficients import effective_coefficients, exact_coefficients
from engine.ranking.weights import N_FEATURES, SHARES, Feature
from objectives.lines.line import DIRECTION_NAMES, coordinate_directions, line_through
from objectives.search_space import SearchSpace
from tests.conftest import random_weights

if TYPE_CHECKING:
    from objectives.configuration import Configuration

RANGES = {"anatomy_weight": (0.2, 0.4), "semantic_weight": (0.1, 0.5)}


def test_the_walls_stand_around_every_weight_of_the_space(config: Configuration) -> None:
    space = SearchSpace(config.study.bounds, RANGES)
    normals, least = space.walls
    rng = np.random.default_rng(3)
    for _ in range(300):
        draw = rng.random(len(space.coordinates)).tolist()
        point = {
            axis.name: axis.low + u * (axis.high - axis.low)
            for axis, u in zip(space.coordinates, draw, strict=True)
        }
        room = normals @ exact_coefficients(space.decode(point)) - least
        assert room.min() > -2e-4  # decoding rounds to four decimals


@pytest.mark.parametrize("ranges", [{}, RANGES])
def test_a_line_ends_where_the_space_ends(
    ranges: dict[str, tuple[float, float]], config: Configuration
) -> None:
    space = SearchSpace(config.study.bounds, ranges)
    normals, least = space.walls
    rng = np.random.default_rng(4)
    n_lines = 0
    for number, drawn in enumerate(random_weights(config, 30)):
        weights = space.nearest(drawn)
        direction = rng.normal(size=N_FEATURES) * 0.1
        direction[list(SHARES)] -= direction[list(SHARES)].mean()
        line = line_through(weights, direction, space)
        if line is None:
            continue
        n_lines += 1
        for end, beyond in ((line.low, -0.01), (line.high, 0.01)):
            assert (normals @ line.at(end) - least).min() > -8e-4, number
            assert (normals @ line.at(end + beyond) - least).min() < 0, number
    assert n_lines >= 28  # where walls bar the way on both sides, it goes along them


def test_along_a_coordinate_one_weight_moves_and_the_others_keep(config: Configuration) -> None:
    weights = config.weights
    here = exact_coefficients(weights)
    for name, direction in coordinate_directions(weights).items():
        assert name in DIRECTION_NAMES
        moved = here + 0.1 * direction
        assert moved[list(SHARES)].sum() == pytest.approx(1.0)
    for feature in (Feature.EXACT_MATCH, Feature.SYNONYM_MATCH, Feature.CONTEXT_MATCH):
        alone = coordinate_directions(weights)[f"{feature.name.lower()}_bonus"]
        assert np.flatnonzero(alone).tolist() == [feature]
    anatomy = coordinate_directions(weights)["anatomy_weight"]
    # the other slots keep their proportions, text and frequency stay
    ratio = (here + 0.2 * anatomy)[1:3] / here[1:3]
    assert ratio[0] == pytest.approx(ratio[1])
    assert anatomy[7] == anatomy[8] == 0.0


def test_slopes_and_shares_are_exact(config: Configuration) -> None:
    space = SearchSpace(config.study.bounds)
    for direction in coordinate_directions(config.weights).values():
        line = line_through(config.weights, direction, space)
        assert line is not None
        assert np.array_equal(line.origin, effective_coefficients(config.weights))
        assert np.abs(line.direction).max() == pytest.approx(1.0, abs=1.5 / 4096)
        assert np.array_equal(line.direction * 4096, np.round(line.direction * 4096))
        assert float(line.direction[list(SHARES)].sum()) == 0.0


def test_a_direction_that_leads_nowhere_is_no_line(config: Configuration) -> None:
    assert (
        line_through(config.weights, np.zeros(N_FEATURES), SearchSpace(config.study.bounds))
        is None
    )
