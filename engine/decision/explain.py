"""Explain an answer: what each word said, what each candidate scored, what was vetoed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.candidates import candidates_among
from engine.ranking.rank import rank
from engine.ranking.vetoes import vetoes
from engine.ranking.weights import Feature
from engine.reading.slots import Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from engine.catalogue.rows import CatalogueRow
    from engine.reading.query import Query
    from engine.reading.slots import Span


class Reading(NamedTuple):
    """What one run of characters was taken for."""

    words: str
    slot: str
    value: str


class Vetoed(NamedTuple):
    """A row that would have ranked among the first but for a veto.

    Attributes
    ----------
    row : CatalogueRow
    score : float
        What it would have scored.
    reasons : tuple of str
        The vetoes by name.
    """

    row: CatalogueRow
    score: float
    reasons: tuple[str, ...]


def readings(query: Query) -> list[Reading]:
    """Return what the words of a name were taken for, in their order."""
    text = query.parsed.text
    return [
        Reading(text[span.start : span.end], span.slot, _with_scope(span))
        for span in query.parsed.spans
    ]


def _with_scope(span: Span) -> str:
    return span.value if span.scope is Scope.AFFIRMED else f"{span.value} ({span.scope})"


def contributions(
    features: NDArray[np.float32], coefficients: NDArray[np.float32]
) -> dict[Feature, float]:
    """Return what each feature of a candidate adds to its score; zeros are left out.

    Parameters
    ----------
    features, coefficients : ndarray of float32, shape (n_features,)
    """
    products = features * coefficients
    return {feature: float(products[feature]) for feature in Feature if products[feature]}


def strongest_vetoed(
    query: Query,
    index: CatalogueIndex,
    frequency: NDArray[np.float64],
    coefficients: NDArray[np.float32],
    n_vetoed: int,
) -> list[Vetoed]:
    """Return the rows that vetoes removed, the best scoring first.

    Parameters
    ----------
    query : Query
    index : CatalogueIndex
    frequency : ndarray of float64, shape (n_rows,)
    coefficients : ndarray of float32, shape (n_features,)
    n_vetoed : int
        Rows to return at most.
    """
    removed = vetoes(query, index)
    any_veto = np.any(list(removed.values()), axis=0)
    candidates = candidates_among(query, index, frequency, any_veto, n_vetoed)
    ranking = rank(candidates, coefficients)
    return [
        Vetoed(
            index.rows[row],
            float(score),
            tuple(name for name, rows in removed.items() if rows[row]),
        )
        for row, score in zip(ranking.rows, ranking.scores, strict=True)
    ]
