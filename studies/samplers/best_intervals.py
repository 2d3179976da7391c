"""The best places of a line: stretches of one value, merged where nothing changes between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.rounding import COEFFICIENT_GRID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.objective import Stretches

_NARROWEST = 1 / COEFFICIENT_GRID  # what is narrower may hold no coefficients at all
_UNSAFE = -1.0  # below every value


class Plateau(NamedTuple):
    """Neighbouring stretches of the same value, none of them too dangerous.

    Attributes
    ----------
    value : float
        In [0, 1].
    low, high : float
        Its ends on the line; the origin of the line is 0.
    """

    value: float
    low: float
    high: float

    @property
    def middle(self) -> float:
        """The place that is farthest from both ends."""
        return (self.low + self.high) / 2


def best_plateaus(stretches: Stretches, allowed: NDArray[np.int64], n_best: int) -> list[Plateau]:
    """Return the best plateaus of a line, the best first.

    Ties go to the widest, then to the one whose middle is nearest to the origin.

    Parameters
    ----------
    stretches : Stretches
    allowed : ndarray of int64, shape (n_kinds,)
        Critical errors of each kind that a place may have at most.
    n_best : int

    Returns
    -------
    list of Plateau
        Fewer than `n_best` where there are no more; narrower ones than a step of the coefficient
        grid are left out.
    """
    safe = np.all(stretches.critical <= allowed, axis=1)
    values = np.where(safe, stretches.values, _UNSAFE)
    first = np.flatnonzero(np.diff(values, prepend=np.inf) != 0)
    edges = np.append(stretches.edges[first], stretches.edges[-1])
    values, widths = values[first], np.diff(edges)
    middles = (edges[:-1] + edges[1:]) / 2
    order = np.lexsort((np.abs(middles), -widths, -values))
    wanted = [i for i in order if values[i] != _UNSAFE and widths[i] >= _NARROWEST]
    return [Plateau(*map(float, (values[i], edges[i], edges[i + 1]))) for i in wanted[:n_best]]
