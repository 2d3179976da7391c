"""Metrics: per case first, the mean second; a case without an answer counts as wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decision.decide import Decisions, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import Labels


def accuracy_at_1(correct: NDArray[np.bool_], answerable: NDArray[np.bool_]) -> float:
    """Share of answerable cases whose first-ranked row is the gold row, in [0, 1]; 0 of none.

    Parameters
    ----------
    correct, answerable : ndarray of bool, shape (n_cases,)
    """
    return _share(int((correct & answerable).sum()), int(answerable.sum()))


def recall_at_k(labels: Labels) -> float:
    """Share of answerable cases whose gold row is among the candidates, in [0, 1]; 0 of none."""
    found = labels.is_gold.any(axis=1)
    return _share(int(found.sum()), int(labels.answerable.sum()))


def decision_accuracy(
    decisions: Decisions,
    correct: NDArray[np.bool_],
    answerable: NDArray[np.bool_],
    labelled: NDArray[np.bool_],
) -> float:
    """Share of labelled cases decided rightly, in [0, 1]; 0 of none.

    Right is a MATCH on the gold row, and anything but a MATCH where no row is right.

    Parameters
    ----------
    decisions : Decisions
    correct : ndarray of bool, shape (n_cases,)
        Whether the winner is the gold row.
    answerable : ndarray of bool, shape (n_cases,)
        Whether there is a gold row.
    labelled : ndarray of bool, shape (n_cases,)
        Whether the case says what is right.
    """
    accepted = decisions.statuses == Status.MATCH
    right = (accepted & correct) | (~accepted & ~answerable)
    return _share(int((right & labelled).sum()), int(labelled.sum()))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
