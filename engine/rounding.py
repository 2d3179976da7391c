"""Binary and decimal grids: rounding that keeps sums exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURE_GRID = 128
COEFFICIENT_GRID = 4096


def on_grid(values: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
    """Round to the nearest multiple of ``1 / grid``, halves upwards."""
    rounded: NDArray[np.float64] = np.floor(values * grid + 0.5) / grid
    return rounded


def shares_on_grid(shares: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
    """Round shares of one whole to multiples of ``1 / grid`` that still sum to 1.

    Source: the largest remainder method (Hamilton, 1792).

    Parameters
    ----------
    shares : ndarray of float64, shape (n_shares,)
        Not negative, with a positive sum.
    grid : int
    """
    units = shares / shares.sum() * grid
    whole = np.floor(units)
    missing = round(grid - whole.sum())
    whole[np.argsort(whole - units, kind="stable")[:missing]] += 1
    rounded: NDArray[np.float64] = whole / grid
    return rounded
