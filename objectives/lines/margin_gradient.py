"""Where coefficients should go so that right rows gain on the rivals that are close to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.rounding import FEATURE_GRID
from objectives.bank.labelled_bank import is_gold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from objectives.bank.trial_bank import Block


def margin_gradient(
    blocks: Sequence[Block], coefficients: NDArray[np.float32], margin: float
) -> NDArray[np.int64]:
    """Add up the way, in features, from the best wrong candidate to the best right one.

    Only cases count in which the two are less than `margin` apart: those that a step may decide.
    Weighted by what a case of each group is worth, it is the gradient of the objective if every
    case counted by a ramp as wide as the margin on both sides, instead of right or wrong.

    Parameters
    ----------
    blocks : sequence of Block
        At least one.
    coefficients : ndarray of float32, shape (n_features,)
    margin : float
        In score units, above 0.

    Returns
    -------
    ndarray of int64, shape (n_groups, n_features)
        In units of 1/128, the grid of features: exact in any order. Zeros where no case is as
        close.
    """
    way = np.zeros((len(blocks[0].members), len(coefficients)), dtype=np.int64)
    for block in blocks:
        scores, right = block.features @ coefficients, is_gold(block.codes)
        cases = np.arange(scores.shape[1])
        best_right = np.where(right, scores, -np.inf).argmax(axis=0)
        best_wrong = np.where(right, -np.inf, scores).argmax(axis=0)
        has_both = right[best_right, cases] & ~right[best_wrong, cases]
        apart = np.abs(scores[best_right, cases] - scores[best_wrong, cases])
        close = np.flatnonzero(has_both & (apart < margin))
        gains = block.features[best_right[close], close] - block.features[best_wrong[close], close]
        np.add.at(way, block.groups[close], (gains * FEATURE_GRID).astype(np.int64))
    return way
