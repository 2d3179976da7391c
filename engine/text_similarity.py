"""Text similarity between names: TF-IDF over character n-grams, and rapidfuzz."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.utils import default_process
from sklearn.feature_extraction.text import TfidfVectorizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.slots import ParsedName


class TextIndex:
    """TF-IDF vectors of the rows' canonical texts, and their texts as written.

    Parameters
    ----------
    names, fsns : sequence of ParsedName, length n_rows
    ngram_range : tuple of int
        Shortest and longest character n-gram, within word borders.

    Notes
    -----
    Source: Salton and Buckley (1988), "Term-weighting approaches in automatic text retrieval", as
    in scikit-learn's ``TfidfVectorizer`` (smooth idf, l2 norm).
    """

    def __init__(
        self,
        names: Sequence[ParsedName],
        fsns: Sequence[ParsedName],
        ngram_range: tuple[int, int],
    ) -> None:
        self._vectorizer = TfidfVectorizer(
            analyzer="char_wb", ngram_range=ngram_range, dtype=np.float32
        )
        self._names = [default_process(name.text) for name in names]
        self._fsns = [default_process(fsn.text) for fsn in fsns]
        self._n_rows = len(self._names)
        canonical = [parsed.canonical for parsed in (*names, *fsns)]
        by_text = self._vectorizer.fit_transform(canonical)
        self._by_ngram = by_text.T.tocsr()

    def cosines(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the better of the cosines with name and with FSN.

        Parameters
        ----------
        texts : sequence of str, length n_texts
            Canonical texts.

        Returns
        -------
        ndarray of float32, shape (n_texts, n_rows)
            In [0, 1] but for rounding.
        """
        both = (self._vectorizer.transform(texts) @ self._by_ngram).toarray()
        best: NDArray[np.float32] = np.maximum(both[:, : self._n_rows], both[:, self._n_rows :])
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
        asked = default_process(text)
        return np.array(
            [
                max(
                    fuzz.token_set_ratio(asked, self._names[row]),
                    fuzz.token_set_ratio(asked, self._fsns[row]),
                )
                / 100.0
                for row in rows
            ],
            dtype=np.float64,
        )
