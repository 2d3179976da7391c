"""Decide what a ranking is worth: accept, ask a person, or answer nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.settings import DecisionSettings, Weights


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
    made_up : ndarray of bool, shape (n_cases,)
        Whether the best row states a side, contrast or modality that the name does not.
    non_clinical : ndarray of bool, shape (n_cases,)
        Whether the line is no examination.
    """

    best: NDArray[np.float32]
    runner_up: NDArray[np.float32]
    made_up: NDArray[np.bool_]
    non_clinical: NDArray[np.bool_]


def decide(
    evidence: Evidence,
    weights: Weights,
    settings: DecisionSettings,
) -> Decisions:
    """Decide from the best score, its margin to the runner-up and plain thresholds.

    Confidence is the best score as a share of what agreement in every slot and in the text
    scores, limited to [0, 1]. It is not a probability.

    An answer that makes something up is AMBIGUOUS at best.
    """
    best, runner_up, made_up, non_clinical = evidence
    full = weights.weights_final.component + weights.weights_final.semantic
    confidences = np.clip(best.astype(np.float64) / max(full, np.finfo(np.float64).tiny), 0.0, 1.0)
    confidences[non_clinical] = 0.0
    alone = runner_up < best - np.float32(settings.ambiguity_margin)
    statuses = np.full(len(best), Status.AMBIGUOUS, dtype=object)
    statuses[alone & ~made_up & (confidences >= settings.accept_threshold)] = Status.MATCH
    statuses[np.isneginf(best) | (confidences < settings.reject_threshold)] = Status.NO_MATCH
    statuses[non_clinical] = Status.NON_CLINICAL
    return Decisions(statuses, confidences)
