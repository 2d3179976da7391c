"""Where coefficients should go so that right rows gain on the rivals that are close to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from objectives.labelled_bank import is_gold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from objectives.trial_bank import Block


def towards_right_rows(
    blocks: Sequence[Block],
    coefficients: NDArray[np.float32],
    worth: NDArray[np.float64],
    margin: float,
) -> NDArray[np.float64]:
    """Return the mean way, in features, from the best wrong candidate to the best right one.

    Only cases count in which the two are less than `margin` apart: those that a step may decide.
    It is the gradient of the objective if every case counted by a ramp as wide as the margin on
    both sides, instead of right or wrong.

    Parameters
    ----------
    blocks : sequence of Block
    coefficients : ndarray of float32, shape (n_features,)
    worth : ndarray of float64, shape (n_groups,)
        What a right case of each group adds to the objective.
    margin : float
        In score units, above 0.

    Returns
    -------
    ndarray of float64, shape (n_features,)
        Zeros where no case is as close.
    """
    way = np.zeros(len(coefficients))
    for block in blocks:
        scores, right = block.features @ coefficients, is_gold(block.codes)
        cases = np.arange(scores.shape[1])
        best_right = np.where(right, scores, -np.inf).argmax(axis=0)
        best_wrong = np.where(right, -np.inf, scores).argmax(axis=0)
        has_both = right[best_right, cases] & ~right[best_wrong, cases]
        apart = np.abs(scores[best_right, cases] - scores[best_wrong, cases])
        close = np.flatnonzero(has_both & (apart < margin))
        gains = block.features[best_right[close], close] - block.features[best_wrong[close], close]
        way += worth[block.groups[close]] @ gains
    return way
