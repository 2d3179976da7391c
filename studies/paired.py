"""Whether one set of answers is better than another on the same cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.configuration import GateSettings


class Interval(NamedTuple):
    """A confidence interval for a difference of shares, each in [-1, 1]."""

    low: float
    high: float


def mcnemar_p_value(gains: NDArray[np.float64]) -> float:
    """Test whether wins and losses are as frequent, exactly and two-sided.

    Source: McNemar (1947), "Note on the sampling error of the difference between correlated
    proportions", in its exact binomial form.

    Parameters
    ----------
    gains : ndarray of float64, shape (n_cases,)
        1 where only the new weights are right, -1 where only the old ones are, else 0.
    """
    n_wins, n_losses = int((gains > 0).sum()), int((gains < 0).sum())
    if n_wins + n_losses == 0:
        return 1.0
    return float(stats.binomtest(n_wins, n_wins + n_losses).pvalue)


def paired_interval(
    gains: NDArray[np.float64], settings: GateSettings, confidence: float
) -> Interval:
    """Return the percentile bootstrap interval of a mean paired difference.

    Source: Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13, as
    ``scipy.stats.bootstrap``.

    Parameters
    ----------
    gains : ndarray of float64, shape (n_cases,)
        1 where only the new weights are right, -1 where only the old ones are, else 0.
    settings : GateSettings
    confidence : float
        In (0, 1).
    """
    if np.all(gains == gains[0]):
        return Interval(float(gains[0]), float(gains[0]))
    interval = stats.bootstrap(
        (gains,),
        np.mean,
        n_resamples=settings.n_resamples,
        batch=100,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(settings.seed),
    ).confidence_interval
    return Interval(float(interval.low), float(interval.high))
