"""The candidates for a name: rows worth ranking, found once for all names that are read alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.contrast import ContrastAgreement
from engine.ranking.features import SlotFacts, slot_facts, slot_features
from engine.ranking.vetoes import vetoed
from engine.ranking.weights import N_FEATURES, Feature
from engine.rounding import FEATURE_GRID, on_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from engine.reading.query import Query

_KEPT_BYTES = 16 << 20  # of features of the rows of readings


class Candidates(NamedTuple):
    """The rows kept for one name, in tie-break order, and their feature vectors.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_candidates,)
        Positions in the catalogue; fewer unstated additions first, then preferred name.
    features : ndarray of float32, shape (n_candidates, n_features)
    departs : ndarray of uint8, shape (n_candidates,)
        How each row departs from the name, as `Departure` flags.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float32]
    departs: NDArray[np.uint8]


class _Found(NamedTuple):
    """What is the same for all names that are read alike.

    Text similarity and usage are still missing among the features; the cosines with the rows, in
    [0, 1], are the part of the former that is known.
    """

    candidates: Candidates
    cosines: NDArray[np.float64]


class Retriever:
    """Finds candidates in one catalogue, and remembers them for names that are read alike.

    A trust's list says the same in many ways ("CT HEAD", "Head CT"): what the words were is
    compared for every name, everything else once.

    Parameters
    ----------
    index : CatalogueIndex
    top_k : int
        Candidates per name at most.
    """

    def __init__(self, index: CatalogueIndex, top_k: int) -> None:
        self._index = index
        self._top_k = top_k
        self._n_kept = _KEPT_BYTES // (top_k * N_FEATURES * np.dtype(np.float32).itemsize)
        self._found: dict[Query, _Found] = {}

    def candidates(self, query: Query, frequency: NDArray[np.float64]) -> Candidates:
        """Retrieve the rows worth ranking, none that a veto removes, and compute their features.

        Parameters
        ----------
        query : Query
        frequency : ndarray of float64, shape (n_rows,)
            How often each row is used, multiples of 1/128 in [0, 1].
        """
        query = _as_catalogued(query, self._index)
        reading = query.without_words()
        found = self._found.get(reading)
        if found is None:
            if len(self._found) >= self._n_kept:
                self._found.clear()
            allowed = ~vetoed(reading, self._index)
            found = self._found[reading] = _find(reading, self._index, allowed, self._top_k)
        return _complete(found, query, self._index, frequency)


def candidates_among(
    query: Query,
    index: CatalogueIndex,
    frequency: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    top_k: int,
) -> Candidates:
    """Retrieve the rows worth ranking among chosen ones.

    Parameters
    ----------
    query : Query
    index : CatalogueIndex
    frequency : ndarray of float64, shape (n_rows,)
        How often each row is used, multiples of 1/128 in [0, 1].
    allowed : ndarray of bool, shape (n_rows,)
        Rows to choose from.
    top_k : int
        Rows to keep.
    """
    query = _as_catalogued(query, index)
    return _complete(_find(query, index, allowed, top_k), query, index, frequency)


def _as_catalogued(query: Query, index: CatalogueIndex) -> Query:
    """Leave out what is only asked for ("?fracture") where no row is for it."""
    unasked = query.parsed.unasked
    if unasked is None:
        return query
    rows = np.zeros(len(index), dtype=np.bool_)
    for finding in query.parsed.asked:
        rows |= index.stating("context", finding)
    rows &= ~index.modality.disjoint(frozenset(map(str, query.modalities)))
    parts = query.parsed.anatomy
    is_there = any(not parts or parts & index.slots[row].anatomy for row in np.flatnonzero(rows))
    return query if is_there else query._replace(parsed=unasked)


def _find(query: Query, index: CatalogueIndex, allowed: NDArray[np.bool_], top_k: int) -> _Found:
    facts = slot_facts(query, index, np.flatnonzero(allowed))
    cosines = index.text.cosines(query.parsed.canonical)
    facts = facts.take(_first(facts, cosines[facts.rows], index, top_k))
    facts = facts.take(np.lexsort((index.name_order[facts.rows], facts.additions)))
    return _Found(
        Candidates(facts.rows, slot_features(query, index, facts), facts.departs),
        np.minimum(cosines[facts.rows].astype(np.float64), 1.0),
    )


def _complete(
    found: _Found, query: Query, index: CatalogueIndex, frequency: NDArray[np.float64]
) -> Candidates:
    """Add how often the rows are used, and how alike the texts are.

    That is the mean of the TF-IDF cosine of canonical texts and the token set ratio of texts as
    written.
    """
    rows, features = found.candidates.rows, found.candidates.features.copy()
    written = index.text.token_similarities(query.parsed.text, rows)
    features[:, Feature.SEMANTIC] = on_grid((found.cosines + written) / 2, FEATURE_GRID)
    features[:, Feature.FREQUENCY] = frequency[rows]
    return found.candidates._replace(features=features)


def _first(
    facts: SlotFacts, cosines: NDArray[np.float32], index: CatalogueIndex, top_k: int
) -> NDArray[np.int64]:
    """Return where the `top_k` rows are that stand first by the retrieval mix."""
    mix = index.retrieval.weights
    score = (
        mix.text * cosines
        + mix.anatomy * facts.anatomy
        + mix.modality * facts.modality
        + mix.laterality * facts.laterality
        + mix.technique * facts.technique
        + mix.contrast * (facts.contrast == ContrastAgreement.MATCH)
    )
    first = np.arange(len(score))
    if len(score) > top_k:
        first = np.flatnonzero(score >= np.partition(score, -top_k)[-top_k])
    return first[np.lexsort((index.name_order[facts.rows[first]], -score[first]))[:top_k]]
