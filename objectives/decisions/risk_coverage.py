"""How many answers can be accepted at which error: the curve, its bounds and the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CURVE_POINTS = 50


class CurvePoint(NamedTuple):
    """What accepting every answer from a threshold upwards would mean.

    Attributes
    ----------
    threshold : float
        Lowest confidence that is accepted, [0, 1].
    coverage : float
        Share of the cases that are accepted, [0, 1].
    error_rate : float
        Share of the accepted answers that are wrong, [0, 1].
    upper_bound : float
        One-sided upper confidence bound of the error rate, [0, 1].
    """

    threshold: float
    coverage: float
    error_rate: float
    upper_bound: float


def error_upper_bound(
    n_wrong: NDArray[np.int64], n_accepted: NDArray[np.int64], confidence: float
) -> NDArray[np.float64]:
    """Return the exact one-sided upper bound of an error rate; 1 where nothing was accepted.

    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in
    the case of the binomial".

    Parameters
    ----------
    n_wrong, n_accepted : ndarray of int64, any common shape
    confidence : float
        In (0, 1), one-sided.
    """
    from scipy import stats  # noqa: PLC0415 - 0.5 s, and a lookup fits nothing

    some_right = n_wrong < n_accepted
    bound = stats.beta.ppf(confidence, n_wrong + 1, np.where(some_right, n_accepted - n_wrong, 1))
    upper: NDArray[np.float64] = np.where(some_right, bound, 1.0)
    return upper


def risk_coverage(
    confidences: NDArray[np.float64],
    right: NDArray[np.bool_],
    acceptable: NDArray[np.bool_],
    confidence: float,
) -> list[CurvePoint]:
    """Return what every possible threshold would mean, the highest first.

    Source: El-Yaniv and Wiener (2010), "On the foundations of noise-free selective
    classification".

    Parameters
    ----------
    confidences : ndarray of float64, shape (n_cases,)
    right : ndarray of bool, shape (n_cases,)
    acceptable : ndarray of bool, shape (n_cases,)
        Answers that may be accepted at all; the others count in the coverage's denominator.
    confidence : float
        Of the upper bounds.
    """
    thresholds, which = np.unique(-confidences[acceptable], return_inverse=True)
    n_accepted = np.cumsum(np.bincount(which, minlength=len(thresholds)))
    wrong = ~right[acceptable]
    n_wrong = np.cumsum(np.bincount(which[wrong], minlength=len(thresholds)))
    bounds = error_upper_bound(n_wrong, n_accepted, confidence)
    coverage, rates = n_accepted / max(len(confidences), 1), n_wrong / np.maximum(n_accepted, 1)
    return [
        CurvePoint(*map(float, point))
        for point in zip(-thresholds, coverage, rates, bounds, strict=True)
    ]


def smallest_threshold(
    curve: list[CurvePoint],
    target: float,
    parts: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]] = (),
) -> CurvePoint | None:
    """Return the point of the lowest threshold that keeps the error below a target, if any.

    Parameters
    ----------
    curve : list of CurvePoint
        Over all cases: the upper bound must be below the target.
    target : float
        In (0, 1).
    parts : sequence of (confidences, right)
        Acceptable answers of parts of the cases, such as sites: the error among those accepted
        must not exceed the target in any of them.
    """
    bounded = sorted(point for point in curve if point.upper_bound < target)
    return next(
        (
            point
            for point in bounded
            if all(
                _error_rate(right[confidences >= point.threshold]) <= target
                for confidences, right in parts
            )
        ),
        None,
    )


def _error_rate(right: NDArray[np.bool_]) -> float:
    return 1.0 - float(right.mean()) if len(right) else 0.0


def largest_coverage(curve: list[CurvePoint], target: float) -> CurvePoint | None:
    """Return the point of largest coverage whose error rate is at most the target, if any."""
    within = [point for point in curve if point.error_rate <= target]
    return max(within, key=lambda point: point.coverage, default=None)


def thinned(curve: list[CurvePoint]) -> list[CurvePoint]:
    """Return at most 50 points of a curve, evenly spread over its coverage."""
    if len(curve) <= _CURVE_POINTS:
        return curve
    coverage = [point.coverage for point in curve]
    wanted = np.linspace(coverage[0], coverage[-1], _CURVE_POINTS)
    return [curve[i] for i in dict.fromkeys(np.searchsorted(coverage, wanted).tolist())]
