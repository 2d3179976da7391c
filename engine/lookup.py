"""The lookup engine: one exam name in, ranked catalogue rows and a decision out."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.confidence import Grounds, grounds
from engine.decision.decide import Decided, Status, decide
from engine.decision.evidence import N_SCORES, Evidence
from engine.decision.explain import Reading, Vetoed, contributions, readings, strongest_vetoed
from engine.decision.reasons import ambiguity_reasons
from engine.ranking.candidates import Retriever
from engine.ranking.coefficients import effective_coefficients
from engine.ranking.departures import Departure
from engine.ranking.rank import Ranking, rank
from engine.ranking.weights import N_FEATURES, Feature
from engine.reading.query import Query, make_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from engine.catalogue.rows import CatalogueRow
    from engine.decision.settings import Judgement


class Answer(NamedTuple):
    """What the engine says about one name.

    Attributes
    ----------
    query : Query
    status : Status
    confidence : float
        Probability that the best candidate is the right row, [0, 1].
    row : CatalogueRow or None
        The best candidate; None for NO_MATCH and NON_CLINICAL.
    runner_up : CatalogueRow or None
        The second candidate, if any.
    departs : Departure
        Where the best candidate says something else than the name.
    offered : tuple of CatalogueRow
        The rows of an AMBIGUOUS answer from best to worst; the one row of a MATCH; else none.
    offered_probability : float
        Probability that the offered rows hold the right one, [0, 1].
    reasons : tuple of str
        Why an AMBIGUOUS answer is left to a person; else empty.
    ranking : Ranking
        Every candidate that was ranked.
    """

    query: Query
    status: Status
    confidence: float
    row: CatalogueRow | None
    runner_up: CatalogueRow | None
    departs: Departure
    offered: tuple[CatalogueRow, ...]
    offered_probability: float
    reasons: tuple[str, ...]
    ranking: Ranking


class Explanation(NamedTuple):
    """How an answer came about.

    Attributes
    ----------
    readings : list of Reading
        What the words of the name were taken for.
    contributions : list of dict
        What each feature added to the score of each ranked candidate.
    grounds : Grounds
        What the confidence rests on.
    vetoed : list of Vetoed
        The strongest rows that a veto removed.
    """

    readings: list[Reading]
    contributions: list[dict[Feature, float]]
    grounds: Grounds
    vetoed: list[Vetoed]


class LookupEngine:
    """An index, weights and a calibration that answer one name at a time.

    Parameters
    ----------
    index : CatalogueIndex
    judgement : Judgement
    top_k : int
        Candidates to rank.
    frequency : ndarray of float64, shape (n_rows,), optional
        Usage of each row, multiples of 1/128 in [0, 1]; zero when not given.
    """

    def __init__(
        self,
        index: CatalogueIndex,
        judgement: Judgement,
        top_k: int,
        frequency: NDArray[np.float64] | None = None,
    ) -> None:
        self._index = index
        self._judgement = judgement
        self._retriever = Retriever(index, top_k)
        self._frequency = np.zeros(len(index)) if frequency is None else frequency
        self._coefficients = effective_coefficients(judgement.weights)

    def lookup(self, exam_name: str, modality_code: str = "") -> Answer:
        """Map one exam name (with its MODALITY_CODE, if known) to ranked catalogue rows."""
        (answer,) = self.lookup_many([(exam_name, modality_code)])
        return answer

    def explain(self, answer: Answer, n_vetoed: int) -> Explanation:
        """Say how an answer of this engine came about, with at most `n_vetoed` vetoed rivals."""
        return Explanation(
            readings=readings(answer.query),
            contributions=[
                contributions(features, self._coefficients) for features in answer.ranking.features
            ],
            grounds=grounds(_evidence([answer.query], [answer.ranking], self._coefficients)),
            vetoed=strongest_vetoed(
                answer.query, self._index, self._frequency, self._coefficients, n_vetoed
            ),
        )

    def lookup_many(self, questions: Sequence[tuple[str, str]]) -> list[Answer]:
        """Map many pairs of exam name and MODALITY_CODE; each answer is as if asked alone."""
        if not questions:
            return []
        queries = [make_query(exam_name, code) for exam_name, code in questions]
        rankings = [
            rank(self._retriever.candidates(query, self._frequency), self._coefficients)
            for query in queries
        ]
        decisions = decide(
            _evidence(queries, rankings, self._coefficients),
            self._judgement.calibration,
            self._judgement.decision,
        )
        return [
            self._answer(query, ranking, Decided(*decided))
            for query, ranking, *decided in zip(queries, rankings, *decisions, strict=True)
        ]

    def _answer(self, query: Query, ranking: Ranking, decided: Decided) -> Answer:
        status, set_size = Status(decided.status), int(decided.set_size)
        answered = status in (Status.MATCH, Status.AMBIGUOUS)
        first = ranking.rows[: max(2, set_size)] if answered else ()
        offered = self._offered(query, ranking, set_size)
        rows = [self._index.rows[row] for row in first]
        departs = Departure(int(ranking.departs[0])) if answered else Departure(0)
        return Answer(
            query=query,
            status=status,
            confidence=float(decided.confidence),
            row=rows[0] if rows else None,
            runner_up=rows[1] if len(rows) > 1 else None,
            departs=departs,
            offered=tuple(self._index.rows[row] for row in offered),
            offered_probability=float(decided.set_probability),
            reasons=self._reasons(query, offered, ranking, departs)
            if status is Status.AMBIGUOUS
            else (),
            ranking=ranking,
        )

    def _offered(self, query: Query, ranking: Ranking, set_size: int) -> list[int]:
        """Return the first rows, and the best row that states what is only possible."""
        offered: list[int] = ranking.rows[:set_size].tolist()
        if set_size:
            both = self._index.stating("laterality", "bilateral")
            for slot, value in sorted(query.parsed.doubtful):
                states = self._index.stating(slot, value)
                if slot == "laterality":
                    states = states & ~both
                found = (row for row in ranking.rows.tolist() if states[row])
                offered += [row for row in itertools.islice(found, 1) if row not in offered]
        return offered[: max(set_size, self._judgement.decision.set_size)]

    def _reasons(
        self, query: Query, offered: Sequence[int], ranking: Ranking, departs: Departure
    ) -> tuple[str, ...]:
        slots = [self._index.slots[row] for row in offered]
        is_tie = len(ranking.scores) > 1 and ranking.scores[0] == ranking.scores[1]
        return tuple(ambiguity_reasons(query, slots, departs, is_tie=bool(is_tie)))


def _evidence(
    queries: Sequence[Query], rankings: Sequence[Ranking], coefficients: NDArray[np.float32]
) -> Evidence:
    n_cases = len(queries)
    scores = np.full((n_cases, N_SCORES), -np.inf, dtype=np.float32)
    best = np.zeros((n_cases, N_FEATURES), dtype=np.float32)
    departs = np.zeros(n_cases, dtype=np.bool_)
    for case, ranking in enumerate(rankings):
        known = ranking.scores[:N_SCORES]
        scores[case, : len(known)] = known
        if len(known):
            best[case] = ranking.features[0]
            departs[case] = ranking.departs[0] > 0
    return Evidence(
        scores=scores,
        usage_part=best[:, Feature.FREQUENCY] * coefficients[Feature.FREQUENCY],
        additions=best[:, Feature.UNSTATED_ADDITIONS],
        completeness=np.array([query.completeness for query in queries]),
        departs=departs,
        text_similarity=best[:, Feature.SEMANTIC],
        states_nothing=np.array([query.states_nothing for query in queries]),
        non_clinical=np.array([query.parsed.non_clinical for query in queries]),
    )
