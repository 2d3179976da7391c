from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from objectives.decisions.risk_coverage import (
    error_upper_bound,
    largest_coverage,
    risk_coverage,
    smallest_threshold,
    thinned,
)


@pytest.mark.parametrize(("n_wrong", "n_accepted"), [(0, 1), (0, 299), (3, 500), (10, 10), (7, 9)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_bound_is_the_exact_one(n_wrong: int, n_accepted: int, confidence: float) -> None:
    bound = error_upper_bound(np.array(n_wrong), np.array(n_accepted), confidence)
    # One-sided at c is two-sided at 2c - 1.
    exact = stats.binomtest(n_wrong, n_accepted).proportion_ci(2 * confidence - 1, "exact")
    assert bound == pytest.approx(exact.high)


def test_nothing_accepted_bounds_nothing() -> None:
    assert error_upper_bound(np.array(0), np.array(0), 0.95) == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans()), min_size=1, max_size=200)
)
def test_every_point_is_what_its_threshold_accepts(cases: list[tuple[int, bool, bool]]) -> None:
    confidences = np.array([value / 20 for value, _, _ in cases])
    right = np.array([is_right for _, is_right, _ in cases])
    acceptable = np.array([may for _, _, may in cases])
    curve = risk_coverage(confidences, right, acceptable, 0.95)
    for point in curve:
        accepted = acceptable & (confidences >= point.threshold)
        assert point.coverage == accepted.mean()
        assert point.error_rate == (accepted & ~right).sum() / accepted.sum()
    met = [point for point in curve if point.upper_bound < 0.2]
    assert smallest_threshold(curve, 0.2) == (min(met) if met else None)
    best = largest_coverage(curve, 0.2)
    within = [point.coverage for point in curve if point.error_rate <= 0.2]
    assert (best.coverage if best else None) == (max(within) if within else None)


def test_no_part_may_be_worse_than_the_target() -> None:
    """One site is well calibrated, the other errs up to a high confidence."""
    confidences = np.linspace(0, 1, 1000, endpoint=False)
    good = np.ones(1000, dtype=np.bool_)
    bad = confidences >= 0.6
    pooled = risk_coverage(
        np.tile(confidences, 9),
        np.concatenate([np.tile(good, 8), bad]),
        np.ones(9000, np.bool_),
        0.95,
    )
    alone = smallest_threshold(pooled, 0.1)
    with_sites = smallest_threshold(pooled, 0.1, [(confidences, good), (confidences, bad)])
    assert alone is not None
    assert with_sites is not None
    assert alone.threshold < with_sites.threshold
    accepted = confidences >= with_sites.threshold
    assert 1 - bad[accepted].mean() <= 0.1 < 1 - bad[accepted.argmax() - 1 :].mean()


def test_a_thinned_curve_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    confidences = rng.random(5000)
    curve = risk_coverage(
        confidences, rng.random(5000) < confidences, np.ones(5000, np.bool_), 0.95
    )
    thin = thinned(curve)
    assert len(thin) <= 50
    assert (thin[0], thin[-1]) == (curve[0], curve[-1])


def test_the_promise_holds_about_as_often_as_it_says() -> None:
    """A threshold that is fixed beforehand keeps its error below the bound 95 times of 100."""
    rng = np.random.default_rng(3)
    n_wrong = rng.binomial(400, 0.01, size=4000)
    bounds = error_upper_bound(n_wrong, np.full(4000, 400), 0.95)
    assert (bounds >= 0.01).mean() >= 0.95
