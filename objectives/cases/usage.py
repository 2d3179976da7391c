"""How often each row is used: learned from the tuning sites only, out of fold."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from engine.rounding import FEATURE_GRID, on_grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from engine.catalogue.rows import CatalogueRow
    from objectives.cases.cases import Case


class Usage:
    """The usage of every row as a case may know it.

    A case of a tuning site sees the counts of the other tuning sites only; every other case sees
    those of all tuning sites. So no case meets its own label.

    Parameters
    ----------
    n_rows : int
    counts : mapping of str to ndarray of int64, shape (n_rows,)
        How many cases of each tuning site have each row; see `count_usage`.

    Attributes
    ----------
    everywhere : ndarray of float64, shape (n_rows,)
        The usage over all tuning sites.
    sha256 : str
        Hash of the counts.
    """

    def __init__(self, n_rows: int, counts: Mapping[str, NDArray[np.int64]]) -> None:
        total = np.zeros(n_rows, dtype=np.int64)
        for site_counts in counts.values():
            total += site_counts
        self.everywhere = _share(total)
        self._elsewhere = {site: _share(total - own) for site, own in counts.items()}
        self.sha256 = hashlib.sha256(
            b"".join(counts[site].tobytes() for site in sorted(counts))
        ).hexdigest()

    def seen_from(self, site: str) -> NDArray[np.float64]:
        """Return the usage that a case of `site` may know.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            Log-scaled counts as a share of the largest, multiples of 1/128 in [0, 1].
        """
        return self._elsewhere.get(site, self.everywhere)


def count_usage(
    rows: Sequence[CatalogueRow], cases: Iterable[Case], tuning_sites: Iterable[str]
) -> dict[str, NDArray[np.int64]]:
    """Count the cases of each tuning site that have each row, shape (n_rows,)."""
    position = {row.preferred_name: i for i, row in enumerate(rows)}
    counts = {site: np.zeros(len(rows), dtype=np.int64) for site in tuning_sites}
    used = Counter((case.site, case.gold) for case in cases if case.site in counts)
    for (site, gold), n_cases in used.items():
        if gold is not None and gold in position:
            counts[site][position[gold]] = n_cases
    return counts


def _share(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    scaled = np.log1p(counts.astype(np.float64))
    largest = scaled.max(initial=0.0)
    return on_grid(scaled / largest, FEATURE_GRID) if largest > 0 else scaled
