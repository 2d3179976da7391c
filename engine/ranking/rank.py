"""Score and rank candidates: one dot product each, then a total order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.candidates import Candidates


class Ranking(NamedTuple):
    """Candidates from best to worst.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_candidates,)
    scores : ndarray of float32, shape (n_candidates,)
        Never clipped or rounded.
    features : ndarray of float32, shape (n_candidates, n_features)
    departs : ndarray of uint8, shape (n_candidates,)
        How each row departs from the name, as `Departure` flags.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    features: NDArray[np.float32]
    departs: NDArray[np.uint8]


def rank(candidates: Candidates, coefficients: NDArray[np.float32]) -> Ranking:
    """Rank candidates by score; ties go to fewer unstated additions, then to the earlier name.

    The candidates come in tie-break order, so that a stable sort keeps it, and the first maximum
    of a score vector is the winner.
    """
    scores = candidates.features @ coefficients
    order = np.argsort(-scores, kind="stable")
    return Ranking(
        candidates.rows[order],
        scores[order],
        candidates.features[order],
        candidates.departs[order],
    )
