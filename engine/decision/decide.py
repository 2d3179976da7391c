"""Decide what a ranking is worth: accept, ask a person, or answer nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.confidence import set_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.decision.evidence import Evidence
    from engine.decision.settings import Calibration, DecisionSettings


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
        Probability that the first row is right, [0, 1].
    set_sizes : ndarray of int64, shape (n_cases,)
        Rows offered: 1 for a MATCH, 1 to `set_size` for an AMBIGUOUS answer, else 0.
    set_probabilities : ndarray of float64, shape (n_cases,)
        Probability that the offered rows hold the right one, [0, 1].
    """

    statuses: NDArray[np.object_]
    confidences: NDArray[np.float64]
    set_sizes: NDArray[np.int64]
    set_probabilities: NDArray[np.float64]


class Decided(NamedTuple):
    """The answer to one name; see `Decisions`."""

    status: Status
    confidence: float
    set_size: int
    set_probability: float


def may_be_accepted(evidence: Evidence) -> NDArray[np.bool_]:
    """Return which answers may be a MATCH, however confident, shape (n_cases,).

    Not: a line that is no examination, a row that departs from the name, two rows that score the
    same, or a name that states nothing and is not like the row.
    """
    unlike = evidence.states_nothing & (evidence.text_similarity < _LIKE)
    has_best = np.isfinite(evidence.scores[:, 0])
    alone = evidence.scores[:, 1] < evidence.scores[:, 0]
    return has_best & alone & ~evidence.departs & ~unlike & ~evidence.non_clinical


def decide(evidence: Evidence, calibration: Calibration, settings: DecisionSettings) -> Decisions:
    """Decide by the calibrated probability that the first row is right.

    What may not be accepted (`may_be_accepted`) or is not likely enough is AMBIGUOUS: it offers
    the fewest rows that hold the right one with `set_probability`, at most `set_size`, and all
    that score the same as the best. When even those hold it with less than `reject_below`, or a
    name that states nothing is not like the row, nothing is close.
    """
    within = set_probabilities(evidence, calibration.first)[:, : settings.set_size]
    within[evidence.non_clinical] = 0.0
    n_candidates = np.isfinite(evidence.scores).sum(axis=1)
    enough = np.argmax(within >= settings.set_probability, axis=1) + 1
    enough[within[:, -1] < settings.set_probability] = settings.set_size
    n_tied = np.sum(evidence.scores == evidence.scores[:, :1], axis=1)
    enough = np.maximum(enough, np.minimum(n_tied, settings.set_size))
    set_sizes = np.minimum(enough, n_candidates).astype(np.int64)
    statuses = np.full(len(within), Status.AMBIGUOUS, dtype=object)
    if calibration.accept_threshold is not None:
        accepted = may_be_accepted(evidence) & (within[:, 0] >= calibration.accept_threshold)
        statuses[accepted] = Status.MATCH
        set_sizes[accepted] = 1
    unlike = evidence.states_nothing & (evidence.text_similarity < _LIKE)
    statuses[(within[:, -1] < settings.reject_below) | unlike | (n_candidates == 0)] = (
        Status.NO_MATCH
    )
    statuses[evidence.non_clinical] = Status.NON_CLINICAL
    set_sizes[(statuses == Status.NO_MATCH) | evidence.non_clinical] = 0
    offered = within[np.arange(len(within)), np.maximum(set_sizes - 1, 0)]
    return Decisions(statuses, within[:, 0], set_sizes, np.where(set_sizes > 0, offered, 0.0))
