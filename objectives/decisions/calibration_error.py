"""Whether a stated probability is what happens: calibration error, Brier score, table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_N_BINS = 10


class ReliabilityBin(NamedTuple):
    """The cases whose confidence lies in ``[low, high)`` (the last bin holds 1).

    Attributes
    ----------
    low, high : float
    n_cases : int
    mean_confidence, share_right : float
        In [0, 1]; 0 where the bin is empty.
    """

    low: float
    high: float
    n_cases: int
    mean_confidence: float
    share_right: float


class Reliability(NamedTuple):
    """How well confidences are calibrated.

    Attributes
    ----------
    expected_calibration_error : float
        Mean distance of confidence and share right over ten bins of equal width, weighted by
        their cases, [0, 1].
    brier_score : float
        Mean squared distance of confidence and outcome, [0, 1].
    bins : tuple of ReliabilityBin
    """

    expected_calibration_error: float
    brier_score: float
    bins: tuple[ReliabilityBin, ...]


def reliability(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> Reliability:
    """Compare confidences with outcomes; all zero of no case.

    Source: Brier (1950), "Verification of forecasts expressed in terms of probability"; Naeini,
    Cooper and Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning".

    Parameters
    ----------
    confidences : ndarray of float64, shape (n_cases,)
        In [0, 1].
    right : ndarray of bool, shape (n_cases,)
    """
    n_all = max(len(confidences), 1)
    which = np.minimum((confidences * _N_BINS).astype(np.int64), _N_BINS - 1)
    n_cases = np.bincount(which, minlength=_N_BINS)
    divisor = np.maximum(n_cases, 1)
    mean = np.bincount(which, weights=confidences, minlength=_N_BINS) / divisor
    share = np.bincount(which, weights=right, minlength=_N_BINS) / divisor
    return Reliability(
        expected_calibration_error=float((np.abs(mean - share) * n_cases).sum() / n_all),
        brier_score=float(((confidences - right) ** 2).sum() / n_all),
        bins=tuple(
            ReliabilityBin(i / _N_BINS, (i + 1) / _N_BINS, int(n), float(m), float(s))
            for i, (n, m, s) in enumerate(zip(n_cases, mean, share, strict=True))
        ),
    )
