"""Decide what a ranking is worth: accept, ask a person, or answer nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from engine.query import Query
    from engine.ranking import Ranking
    from engine.settings import DecisionSettings, Weights


class Status(StrEnum):
    """The four answers to an exam name."""

    MATCH = "MATCH"
    AMBIGUOUS = "AMBIGUOUS"
    NO_MATCH = "NO_MATCH"
    NON_CLINICAL = "NON_CLINICAL"


class Decision(NamedTuple):
    """A status with the confidence that led to it, in [0, 1]."""

    status: Status
    confidence: float


def decide(
    query: Query, ranking: Ranking, weights: Weights, settings: DecisionSettings
) -> Decision:
    """Decide from the best score, the margin to the runner-up and plain thresholds.

    Confidence is the best score as a share of what a perfect match of slots and text scores,
    limited to [0, 1]. It is not a probability.
    """
    if query.parsed.non_clinical:
        return Decision(Status.NON_CLINICAL, 0.0)
    if not len(ranking.scores):
        return Decision(Status.NO_MATCH, 0.0)
    best = float(ranking.scores[0])
    confidence = min(1.0, max(0.0, best / _full_score(query, weights)))
    if confidence < settings.reject_threshold:
        return Decision(Status.NO_MATCH, confidence)
    alone = len(ranking.scores) == 1 or best - float(ranking.scores[1]) > settings.ambiguity_margin
    if confidence >= settings.accept_threshold and alone:
        return Decision(Status.MATCH, confidence)
    return Decision(Status.AMBIGUOUS, confidence)


def _full_score(query: Query, weights: Weights) -> float:
    """Score a row that agrees in every slot and word, bonuses for exact wording left out."""
    bonus = weights.interventional_bonus if query.parsed.interventional else 0.0
    return weights.weights_final.component + weights.weights_final.semantic + bonus
