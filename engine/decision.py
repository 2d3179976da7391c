"""Decide what a ranking is worth: accept, ask a person, or answer nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.settings import DecisionSettings, Weights


_LIKE = 0.5  # text similarity from which a name that states nothing may still be the row's


class Status(StrEnum):
    """The four answers to an exam name."""

    MATCH = "MATCH"
    AMBIGUOUS = "AMBIGUOUS"
    NO_MATCH = "NO_MATCH"
    NON_CLINICAL = "NON_CLINICAL"


class Decisions(NamedTuple):
    """The answers to many names.

    Attributes
    ----------
    statuses : ndarray of object, shape (n_cases,)
        Values of `Status`.
    confidences : ndarray of float64, shape (n_cases,)
        In [0, 1].
    """

    statuses: NDArray[np.object_]
    confidences: NDArray[np.float64]


class Evidence(NamedTuple):
    """What a decision rests on, one entry a case.

    Attributes
    ----------
    best, runner_up : ndarray of float32, shape (n_cases,)
        The two highest scores; minus infinity where there is no such candidate.
    departs : ndarray of bool, shape (n_cases,)
        Whether the best row says something else than the name about side, contrast or modality.
    text_similarity : ndarray of float32, shape (n_cases,)
        Of the name with the best row, [0, 1].
    states_nothing : ndarray of bool, shape (n_cases,)
        Whether the name states no anatomy, technique, intervention or context.
    non_clinical : ndarray of bool, shape (n_cases,)
        Whether the line is no examination.
    """

    best: NDArray[np.float32]
    runner_up: NDArray[np.float32]
    departs: NDArray[np.bool_]
    text_similarity: NDArray[np.float32]
    states_nothing: NDArray[np.bool_]
    non_clinical: NDArray[np.bool_]


def decide(
    evidence: Evidence,
    weights: Weights,
    settings: DecisionSettings,
) -> Decisions:
    """Decide from the best score, its margin to the runner-up and plain thresholds.

    Confidence is the best score as a share of what agreement in every slot and in the text
    scores, limited to [0, 1]. It is not a probability.

    An answer that departs from the name is AMBIGUOUS at best. A name that states nothing agrees
    with rows that state nothing; unless its text is like the row's, nothing is close.
    """
    best, non_clinical = evidence.best, evidence.non_clinical
    full = weights.weights_final.component + weights.weights_final.semantic
    confidences = np.clip(best.astype(np.float64) / max(full, np.finfo(np.float64).tiny), 0.0, 1.0)
    confidences[non_clinical] = 0.0
    alone = evidence.runner_up < best - np.float32(settings.ambiguity_margin)
    statuses = np.full(len(best), Status.AMBIGUOUS, dtype=object)
    statuses[alone & ~evidence.departs & (confidences >= settings.accept_threshold)] = Status.MATCH
    unlike = evidence.states_nothing & (evidence.text_similarity < _LIKE)
    low = np.isneginf(best) | (confidences < settings.reject_threshold)
    statuses[low | unlike] = Status.NO_MATCH
    statuses[non_clinical] = Status.NON_CLINICAL
    return Decisions(statuses, confidences)
