"""Who wins where along a line: exact upper envelopes of many cases at once.

Along a direction in the effective coefficients every candidate's score is a straight line
``intercept + slope * t``. The winner of a case follows the upper envelope of its candidates, and
changes only where two of them cross. The origin ``t = 0`` lies on the coefficient grid, so that
intercepts and slopes are exact; the walk starts there and goes both ways.

Source: Och (2003), "Minimum error rate training in statistical machine translation", section 5;
Macherey et al. (2008), "Lattice-based minimum error rate training", section 3 (the envelope).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Changes(NamedTuple):
    """Where winners change on one side of the origin, nearest first for each case.

    Attributes
    ----------
    first : ndarray of intp, shape (n_cases,)
        Each case's winner right beside the origin.
    cases : ndarray of intp, shape (n_changes,)
    distances : ndarray of float64, shape (n_changes,)
        From the origin, above 0 and below the limit.
    nearer, farther : ndarray of intp, shape (n_changes,)
        The winner on the side of the origin, and the one beyond.
    """

    first: NDArray[np.intp]
    cases: NDArray[np.intp]
    distances: NDArray[np.float64]
    nearer: NDArray[np.intp]
    farther: NDArray[np.intp]


def walk(intercepts: NDArray[np.floating], slopes: NDArray[np.floating], limit: float) -> Changes:
    """Follow every case's winner from the origin towards growing ``t``.

    Of candidates whose lines coincide the first wins. Towards falling ``t``: negate the slopes.

    Parameters
    ----------
    intercepts, slopes : ndarray of float, shape (n_candidates, n_cases)
        Such that differences between them are exact.
    limit : float
        Where to end; above 0, infinity for the whole half-line.
    """
    top = intercepts.max(axis=0)
    first = np.where(intercepts == top, slopes, -np.inf).argmax(axis=0)
    cases = np.flatnonzero(slopes.max(axis=0) > slopes[first, np.arange(len(first))])
    winner, intercepts, slopes = first[cases], intercepts[:, cases], slopes[:, cases]
    steps: list[tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]]
    steps = [(cases[:0], np.zeros(0), winner[:0], winner[:0])]
    while len(cases):
        column = np.arange(len(cases))
        behind = np.subtract(intercepts[winner, column], intercepts, dtype=np.float64)
        gains = np.subtract(slopes, slopes[winner, column], dtype=np.float64)
        crossing = np.full(gains.shape, np.inf)
        np.divide(behind, gains, out=crossing, where=gains > 0)
        distances = crossing.min(axis=0)
        goes_on = distances < limit
        if not goes_on.all():
            cases, winner, distances = cases[goes_on], winner[goes_on], distances[goes_on]
            intercepts, slopes = intercepts[:, goes_on], slopes[:, goes_on]
            crossing = crossing[:, goes_on]
        # where several cross at once, the steepest goes on alone
        following = np.where(crossing == distances, slopes, -np.inf).argmax(axis=0)
        steps.append((cases, distances, winner, following))
        winner = following
    return Changes(first, *(np.concatenate(column) for column in zip(*steps, strict=True)))
