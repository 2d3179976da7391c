"""Whether one set of answers is better than another on the same cases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import GateSettings


_N_IN_TAILS = 20  # resamples beyond both ends of an interval, at least


class Interval(NamedTuple):
    """A confidence interval for a difference of shares, each in [-1, 1]."""

    low: float
    high: float


def mcnemar_p_value(
    gains: NDArray[np.float64], alternative: Literal["two-sided", "greater"] = "two-sided"
) -> float:
    """Test whether wins and losses are as frequent, exactly.

    Source: McNemar (1947), "Note on the sampling error of the difference between correlated
    proportions", in its exact binomial form.

    Parameters
    ----------
    gains : ndarray of float64, shape (n_cases,)
        1 where only the new weights are right, -1 where only the old ones are, else 0.
    alternative : {"two-sided", "greater"}
        ``greater`` asks whether wins are more frequent.
    """
    n_wins, n_losses = int((gains > 0).sum()), int((gains < 0).sum())
    if n_wins + n_losses == 0:
        return 1.0
    test = stats.binomtest(n_wins, n_wins + n_losses, alternative=alternative)
    return float(test.pvalue)


def clusters_of(labelled: LabelledBank) -> NDArray[np.intp]:
    """Return which cluster each case belongs to: names that tend to be right or wrong together.

    Cases of one gold row (concept and side) are a cluster, at whatever site and however the row
    is called. Cases without a gold row are one if they have the same exam name, letter case apart:
    the same name gets the same answer.

    Returns
    -------
    ndarray of intp, shape (n_cases,)
        From 0, in the order in which clusters first occur.
    """
    numbers: dict[int | str, int] = {}
    gold = labelled.labels.gold.tolist()
    keys = (
        row if row >= 0 else case.exam_name.casefold()
        for row, case in zip(gold, labelled.cases, strict=True)
    )
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def paired_interval(
    gains: NDArray[np.float64],
    clusters: NDArray[np.intp],
    settings: GateSettings,
    confidence: float,
) -> Interval:
    """Return the percentile bootstrap interval of a mean paired difference, by clusters.

    Whole clusters are drawn with replacement, as many as there are. A draw's difference is the sum
    of its gains over the number of its cases: a ratio, since clusters differ in size. Cases of one
    cluster tend to be won or lost together; drawn one by one they would pass for more evidence
    than they are.

    Source: Field and Welsh (2007), "Bootstrapping clustered data"; Cameron, Gelbach and Miller
    (2008), "Bootstrap-based improvements for inference with clustered errors" (pairs cluster
    bootstrap). Percentiles: Efron and Tibshirani (1993), "An Introduction to the Bootstrap",
    chapter 13, as ``scipy.stats.bootstrap``.

    Parameters
    ----------
    gains : ndarray of float64, shape (n_cases,)
        1 where only the new weights are right, -1 where only the old ones are, else 0.
    clusters : ndarray of intp, shape (n_cases,)
        As `clusters_of` numbers them.
    settings : GateSettings
    confidence : float
        In (0, 1).

    Returns
    -------
    Interval
        Everything there is, -1 to 1, of a single cluster: it says nothing about another one.
    """
    sizes = np.bincount(clusters).astype(np.float64)
    sums = np.bincount(clusters, gains)
    if len(sizes) < 2:  # noqa: PLR2004 - a spread takes two
        return Interval(-1.0, 1.0)
    if np.all(sums * sizes[0] == sums[0] * sizes):  # no spread at all
        return Interval(*(float(sums[0] / sizes[0]),) * 2)
    interval = stats.bootstrap(
        (sums, sizes),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=max(settings.n_resamples, math.ceil(_N_IN_TAILS / (1 - confidence))),
        batch=100,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(settings.seed),
    ).confidence_interval
    return Interval(float(interval.low), float(interval.high))


def ratio(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    """Return the mean gain of the cases of the clusters along an axis."""
    share: NDArray[np.float64] = sums.sum(axis=axis) / sizes.sum(axis=axis)
    return share
