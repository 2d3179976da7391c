from __future__ import annotations

import numpy as np
import pytest

from objectives.decisions.calibration_error import reliability


def test_a_worked_example() -> None:
    found = reliability(
        np.array([0.95, 0.95, 1.0, 0.25]), np.array([True, False, True, False], dtype=np.bool_)
    )
    last, low = found.bins[9], found.bins[2]
    assert last.n_cases == 3
    assert last.mean_confidence == pytest.approx(2.9 / 3)
    assert last.share_right == pytest.approx(2 / 3)
    assert (low.n_cases, low.share_right) == (1, 0.0)
    assert found.expected_calibration_error == pytest.approx((3 * 0.3 + 0.25) / 4)
    assert found.brier_score == pytest.approx((0.05**2 + 0.95**2 + 0 + 0.25**2) / 4)


def test_true_probabilities_are_calibrated_and_bragging_is_not() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(50_000)
    right = rng.random(50_000) < truth
    assert reliability(truth, right).expected_calibration_error < 0.01
    assert reliability(truth**0.2, right).expected_calibration_error > 0.2
