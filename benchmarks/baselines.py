"""What a user would pick instead of the engine: plain matching, each in its usual form."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process
from sklearn.feature_extraction.text import TfidfVectorizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engine.catalogue.rows import CatalogueRow
    from objectives.cases.cases import Case

TOP_K = 25
_BATCH = 500  # cases


class Ranked(NamedTuple):
    """What a method answers.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_cases, top_k)
        Catalogue positions from best to worst; -1 where there is none.
    scores : ndarray of float64, shape (n_cases, top_k)
        Their scores, higher is better; minus infinity where there is none.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]


def by_rapidfuzz(
    scorer: Callable[..., float], cases: Sequence[Case], rows: Sequence[CatalogueRow]
) -> Ranked:
    """Rank preferred names by a rapidfuzz scorer, texts in lower case without punctuation."""
    names = [default_process(row.preferred_name) for row in rows]
    pieces = []
    for start in range(0, len(cases), _BATCH):
        asked = [default_process(case.exam_name) for case in cases[start : start + _BATCH]]
        pieces.append(_best(process.cdist(asked, names, scorer=scorer, workers=-1)))
    return _joined(pieces)


def by_tfidf(cases: Sequence[Case], rows: Sequence[CatalogueRow], *, with_code: bool) -> Ranked:
    """Rank by TF-IDF cosine over character 2- to 4-grams of name and FSN.

    Parameters
    ----------
    cases : sequence of Case
    rows : sequence of CatalogueRow
    with_code : bool
        Put MODALITY_CODE in front of the exam name.
    """
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    catalogue = vectorizer.fit_transform([f"{row.preferred_name} {row.fsn}" for row in rows])
    asked = [
        f"{case.modality_code} {case.exam_name}" if with_code else case.exam_name for case in cases
    ]
    pieces = []
    for start in range(0, len(asked), _BATCH):
        found = vectorizer.transform(asked[start : start + _BATCH]) @ catalogue.T
        pieces.append(_best(found.toarray()))
    return _joined(pieces)


SCORERS: dict[str, Callable[..., float]] = {
    "rapidfuzz WRatio": fuzz.WRatio,
    "rapidfuzz token_set_ratio": fuzz.token_set_ratio,
}


def _best(scores: NDArray[np.float64]) -> Ranked:
    """Keep the first rows of each case, ties in catalogue order."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP_K]
    return Ranked(order.astype(np.int64), np.take_along_axis(scores, order, axis=1))


def _joined(pieces: Sequence[Ranked]) -> Ranked:
    return Ranked(
        np.concatenate([piece.rows for piece in pieces]),
        np.concatenate([piece.scores for piece in pieces]).astype(np.float64),
    )
