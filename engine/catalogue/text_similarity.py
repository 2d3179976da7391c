"""Text similarity between names: TF-IDF over character n-grams, and rapidfuzz."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process

from engine.catalogue.ngrams import NgramIndex, Postings, build_postings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.reading.slots import ParsedName


def row_postings(
    names: Sequence[ParsedName], fsns: Sequence[ParsedName], ngram_range: tuple[int, int]
) -> Postings:
    """Index the n-grams of the canonical names and, behind them, of the canonical FSNs."""
    return build_postings([parsed.canonical for parsed in (*names, *fsns)], ngram_range)


class TextIndex:
    """TF-IDF vectors of the rows' canonical texts, and their texts as written.

    Parameters
    ----------
    names, fsns : sequence of ParsedName, length n_rows
    ngram_range : tuple of int
        Shortest and longest character n-gram, within word borders.
    postings : Postings, optional
        What `row_postings` gave for these rows before.
    """

    def __init__(
        self,
        names: Sequence[ParsedName],
        fsns: Sequence[ParsedName],
        ngram_range: tuple[int, int],
        postings: Postings | None = None,
    ) -> None:
        self._names = [default_process(name.text) for name in names]
        self._fsns = [default_process(fsn.text) for fsn in fsns]
        self._n_rows = len(self._names)
        postings = postings or row_postings(names, fsns, ngram_range)
        self._ngrams = NgramIndex(postings, ngram_range)

    def cosines(self, text: str) -> NDArray[np.float32]:
        """Return the better of the cosines with name and with FSN.

        Parameters
        ----------
        text : str
            A canonical text.

        Returns
        -------
        ndarray of float32, shape (n_rows,)
            In [0, 1] but for rounding.
        """
        both = self._ngrams.cosines(text)
        best: NDArray[np.float32] = np.maximum(both[: self._n_rows], both[self._n_rows :])
        return best

    def token_similarities(self, text: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the better of the token set ratios with name and with FSN, as written.

        The canonical text has lost what tells near-synonyms apart ("drainage", "insertion
        drain"); the words as written still have it.

        Parameters
        ----------
        text : str
            The exam name as given.
        rows : ndarray of int, shape (n_candidates,)

        Returns
        -------
        ndarray of float64, shape (n_candidates,)
            In [0, 1].
        """
        chosen = rows.tolist()
        texts = [self._names[row] for row in chosen] + [self._fsns[row] for row in chosen]
        ratios = process.cdist(
            [default_process(text)], texts, scorer=fuzz.token_set_ratio, dtype=np.float64
        )[0]
        best: NDArray[np.float64] = np.maximum(ratios[: len(chosen)], ratios[len(chosen) :])
        return best / 100.0
