"""What is kept of the answer to every case: all that a metric is computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.decide import Decisions, decide, may_be_accepted
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.decision.settings import Judgement
    from objectives.bank.labelled_bank import LabelledBank, Labels
    from objectives.bank.scoring import Winners


class Answers(NamedTuple):
    """The answers to some cases.

    Attributes
    ----------
    decisions : Decisions
    may_be_accepted : ndarray of bool, shape (n_cases,)
    non_clinical : ndarray of bool, shape (n_cases,)
    correct : ndarray of bool, shape (n_cases,)
        Whether the first-ranked row is the gold row.
    gold_within : ndarray of bool, shape (n_cases, N_SCORES - 1)
        Whether the gold row is the first row, among the first two, and so on.
    critical : ndarray of bool, shape (n_cases, n_kinds)
        In which ways the first-ranked row is dangerous.
    is_retrieved : ndarray of bool, shape (n_cases,)
        Whether the gold row is among the candidates.
    """

    decisions: Decisions
    may_be_accepted: NDArray[np.bool_]
    non_clinical: NDArray[np.bool_]
    correct: NDArray[np.bool_]
    gold_within: NDArray[np.bool_]
    critical: NDArray[np.bool_]
    is_retrieved: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: Labels, winners: Winners, decisions: Decisions) -> Answers:
        """Keep what metrics need of winners and the decisions about them."""
        is_retrieved: NDArray[np.bool_] = np.any(labels.is_gold, axis=1)
        return cls(
            decisions,
            may_be_accepted(winners.evidence),
            winners.evidence.non_clinical,
            winners.correct,
            winners.gold_within,
            winners.critical,
            is_retrieved,
        )

    def take(self, cases: NDArray[np.bool_]) -> Answers:
        """Return the answers to some of the cases."""
        statuses, confidences, set_sizes, set_probabilities = self.decisions
        decisions = Decisions(
            statuses[cases], confidences[cases], set_sizes[cases], set_probabilities[cases]
        )
        return Answers(decisions, *(column[cases] for column in self[1:]))


class Judged(NamedTuple):
    """Cases that were judged.

    Attributes
    ----------
    rows : ndarray of int32, shape (n_cases,)
        Catalogue position of the first-ranked row; -1 where a case has no candidate.
    answers : Answers
    """

    rows: NDArray[np.int32]
    answers: Answers


def judge(labelled: LabelledBank, judgement: Judgement) -> Judged:
    """Answer some cases, at least one; every answer depends on its own case only."""
    winners = find_winners(labelled, effective_coefficients(judgement.weights))
    decisions = decide(winners.evidence, judgement.calibration, judgement.decision)
    return Judged(winners.rows, Answers.of(labelled.labels, winners, decisions))


def join_answers(parts: Sequence[Answers]) -> Answers:
    """Put the answers of parts, at least one, behind each other."""
    columns = zip(*(part[1:] for part in parts), strict=True)
    decisions = zip(*(part.decisions for part in parts), strict=True)
    return Answers(Decisions(*map(np.concatenate, decisions)), *map(np.concatenate, columns))
