"""The lookup engine: one exam name in, ranked catalogue rows and a decision out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.coefficients import effective_coefficients
from engine.decision import Status, decide
from engine.facts import Candidates, find_candidates
from engine.query import Query, make_query
from engine.ranking import Ranking, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.catalogue import CatalogueRow
    from engine.index import CatalogueIndex
    from engine.settings import DecisionSettings, Weights


class Answer(NamedTuple):
    """What the engine says about one name.

    Attributes
    ----------
    query : Query
    status : Status
    confidence : float
        In [0, 1].
    row : CatalogueRow or None
        The best candidate; None for NO_MATCH and NON_CLINICAL.
    ranking : Ranking
        Every candidate that was ranked.
    """

    query: Query
    status: Status
    confidence: float
    row: CatalogueRow | None
    ranking: Ranking


def collect_facts(
    queries: Sequence[Query],
    index: CatalogueIndex,
    frequencies: Sequence[NDArray[np.float64]],
    top_k: int,
) -> list[Candidates]:
    """Find the candidates of many names and their features: facts, free of weights.

    Parameters
    ----------
    queries : sequence of Query, length n_cases
    index : CatalogueIndex
    frequencies : sequence of ndarray of float64, shape (n_rows,), length n_cases
        Usage of each row as the name may know it, multiples of 1/128 in [0, 1].
    top_k : int
        Candidates per name at most.
    """
    cosines = index.text.cosines([query.parsed.canonical for query in queries])
    return [
        find_candidates(query, index, cosines[case], frequencies[case], top_k)
        for case, query in enumerate(queries)
    ]


class LookupEngine:
    """An index, weights and thresholds that answer one name at a time.

    Parameters
    ----------
    index : CatalogueIndex
    weights : Weights
    decision : DecisionSettings
    top_k : int
        Candidates to rank.
    frequency : ndarray of float64, shape (n_rows,), optional
        Usage of each row, multiples of 1/128 in [0, 1]; zero when not given.
    """

    def __init__(
        self,
        index: CatalogueIndex,
        weights: Weights,
        decision: DecisionSettings,
        top_k: int,
        frequency: NDArray[np.float64] | None = None,
    ) -> None:
        self._index = index
        self._weights = weights
        self._decision = decision
        self._top_k = top_k
        self._frequency = np.zeros(len(index)) if frequency is None else frequency
        self._coefficients = effective_coefficients(weights)

    def lookup(self, exam_name: str, modality_code: str = "") -> Answer:
        """Map one exam name (with its MODALITY_CODE, if known) to ranked catalogue rows."""
        query = make_query(exam_name, modality_code)
        (candidates,) = collect_facts([query], self._index, [self._frequency], self._top_k)
        ranking = rank(candidates, self._coefficients)
        top_two = np.full(2, -np.inf, dtype=np.float32)
        top_two[: len(ranking.scores[:2])] = ranking.scores[:2]
        decisions = decide(
            top_two[:1],
            top_two[1:],
            np.array([query.parsed.non_clinical]),
            self._weights,
            self._decision,
        )
        status = decisions.statuses[0]
        answered = status in (Status.MATCH, Status.AMBIGUOUS)
        return Answer(
            query=query,
            status=status,
            confidence=float(decisions.confidences[0]),
            row=self._index.rows[ranking.rows[0]] if answered else None,
            ranking=ranking,
        )
