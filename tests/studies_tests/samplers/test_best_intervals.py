from __future__ import annotations

import numpy as np
import pytest

from objectives.objective import Stretches
from studies.samplers.best_intervals import Plateau, best_plateaus

ALLOWED = np.array([2, 0])


def stretches(*parts: tuple[float, float, tuple[int, int]], low: float) -> Stretches:
    """Lay stretches of (where it ends, value, critical errors by kind) side by side."""
    ends, values, critical = zip(*parts, strict=True)
    return Stretches(np.array([low, *ends]), np.array(values), np.array(critical))


def test_neighbours_of_one_value_are_one_plateau() -> None:
    found = stretches((0.0, 0.9, (1, 0)), (0.5, 0.9, (2, 0)), (1.0, 0.8, (0, 0)), low=-1.0)
    assert best_plateaus(found, ALLOWED, 5) == [Plateau(0.9, -1.0, 0.5), Plateau(0.8, 0.5, 1.0)]


def test_what_is_too_dangerous_in_one_kind_is_left_out_and_parts_a_plateau() -> None:
    found = stretches(
        (0.0, 0.9, (2, 0)), (0.5, 0.9, (0, 1)), (0.6, 0.9, (0, 0)), (1.0, 1.0, (3, 0)), low=-1.0
    )
    assert best_plateaus(found, ALLOWED, 5) == [Plateau(0.9, -1.0, 0.0), Plateau(0.9, 0.5, 0.6)]


def test_ties_go_to_the_widest_and_then_to_the_smallest_step() -> None:
    found = stretches(
        (-1.0, 0.9, (0, 0)),
        (-0.5, 0.1, (0, 0)),
        (0.5, 0.9, (0, 0)),
        (0.6, 0.2, (0, 0)),
        (1.0, 0.9, (0, 0)),
        low=-2.0,
    )
    assert [round(p.middle, 6) for p in best_plateaus(found, ALLOWED, 3)] == [0.0, -1.5, 0.8]


def test_what_holds_no_coefficients_is_left_out() -> None:
    found = stretches((0.5, 0.1, (0, 0)), (0.5001, 0.9, (0, 0)), (1.0, 0.2, (0, 0)), low=0.0)
    assert [p.value for p in best_plateaus(found, ALLOWED, 5)] == [0.2, 0.1]


@pytest.mark.parametrize("n_best", [1, 2])
def test_no_more_than_asked_for(n_best: int) -> None:
    found = stretches((0.5, 0.1, (0, 0)), (1.0, 0.2, (0, 0)), (2.0, 0.3, (0, 0)), low=0.0)
    assert len(best_plateaus(found, ALLOWED, n_best)) == n_best
