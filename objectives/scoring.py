"""Judge a bank with one set of weights: who wins, and is the winner right or dangerous."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.coefficients import Feature
from engine.decision import N_SCORES, Evidence
from objectives.truth import CRITICAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.catalogue import CatalogueRow
    from objectives.bank import FeatureBank
    from objectives.cases import Case
    from objectives.truth import RowTruth


class Labels(NamedTuple):
    """What is right for every case, laid out beside its candidates.

    Attributes
    ----------
    answerable : ndarray of bool, shape (n_cases,)
        Whether the case has a gold row.
    is_gold : ndarray of bool, shape (n_cases, top_k)
        Candidates with the gold row's concept and side.
    critical : ndarray of bool, shape (n_cases, top_k, n_kinds)
        Candidates that would be dangerous, in the order of `CRITICAL_KINDS`.
    """

    answerable: NDArray[np.bool_]
    is_gold: NDArray[np.bool_]
    critical: NDArray[np.bool_]

    def take(self, cases: NDArray[np.intp]) -> Labels:
        """Return the labels of some of the cases, in the order given."""
        return Labels(self.answerable[cases], self.is_gold[cases], self.critical[cases])


class Winners(NamedTuple):
    """The first-ranked candidate of every case.

    Attributes
    ----------
    position : ndarray of intp, shape (n_cases,)
        Its place among the candidates of the case.
    evidence : Evidence
        What a decision rests on.
    correct : ndarray of bool, shape (n_cases,)
        Whether the winner is the gold row.
    gold_within : ndarray of bool, shape (n_cases, N_SCORES - 1)
        Whether the gold row is the first row, among the first two, and so on.
    critical : ndarray of bool, shape (n_cases, n_kinds)
        In which ways the winner is dangerous.
    """

    position: NDArray[np.intp]
    evidence: Evidence
    correct: NDArray[np.bool_]
    gold_within: NDArray[np.bool_]
    critical: NDArray[np.bool_]


def label_candidates(
    cases: Sequence[Case], bank: FeatureBank, rows: Sequence[CatalogueRow], truth: RowTruth
) -> Labels:
    """Compare every candidate with the gold row of its case."""
    position = {row.preferred_name: i for i, row in enumerate(rows)}
    gold = np.array([position.get(case.gold or "", -1) for case in cases], dtype=np.int64)
    keys: dict[object, int] = {}
    key_of_row = np.array([keys.setdefault(row.key, len(keys)) for row in rows], dtype=np.int64)
    answerable = gold >= 0
    compared = answerable[:, None] & (bank.rows >= 0)
    shape = bank.rows.shape
    safe_gold = np.broadcast_to(np.maximum(gold, 0)[:, None], shape)
    safe_rows = np.maximum(bank.rows, 0).astype(np.int64)
    is_gold = compared & (key_of_row[safe_rows] == key_of_row[safe_gold])
    critical = compared[..., None] & truth.critical(safe_gold, safe_rows)
    return Labels(answerable, is_gold, critical)


def winning_positions(
    features: NDArray[np.float32], coefficients: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Return the place of each case's winner: the first maximum of the scores.

    Parameters
    ----------
    features : ndarray of float32, shape (n_cases, top_k, n_features)
    coefficients : ndarray of float32, shape (n_features,)
    """
    winners: NDArray[np.intp] = np.argmax(features @ coefficients, axis=1)
    return winners


def find_winners(bank: FeatureBank, labels: Labels, coefficients: NDArray[np.float32]) -> Winners:
    """Rank every case and look the winners up."""
    order, scores = rank_first(bank, coefficients)
    n_cases = len(order)
    cases, position = np.arange(n_cases), order[:, 0]
    best = bank.features[cases, position]
    return Winners(
        position=position,
        evidence=Evidence(
            scores=scores,
            usage_part=best[:, Feature.FREQUENCY] * coefficients[Feature.FREQUENCY],
            additions=best[:, Feature.UNSTATED_ADDITIONS],
            completeness=bank.completeness,
            departs=bank.departs[cases, position] > 0,
            text_similarity=best[:, Feature.SEMANTIC],
            states_nothing=bank.states_nothing,
            non_clinical=bank.non_clinical,
        ),
        correct=labels.is_gold[cases, position],
        gold_within=np.logical_or.accumulate(
            np.take_along_axis(labels.is_gold, order[:, :-1], axis=1), axis=1
        ),
        critical=labels.critical[cases, position].reshape(n_cases, len(CRITICAL_KINDS)),
    )


def rank_first(
    bank: FeatureBank, coefficients: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Rank every case and keep the first rows, as many as a decision looks at.

    Returns
    -------
    positions : ndarray of intp, shape (n_cases, N_SCORES)
        Places among the candidates, from best to worst; ties in tie-break order.
    scores : ndarray of float32, shape (n_cases, N_SCORES)
        Minus infinity where there is no such candidate.
    """
    scores = bank.features @ coefficients
    missing = np.arange(scores.shape[1]) >= bank.n_candidates[:, None]
    scores = np.where(missing, np.float32(-np.inf), scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :N_SCORES]
    first = np.take_along_axis(scores, order, axis=1)
    absent = N_SCORES - order.shape[1]
    if absent > 0:
        order = np.pad(order, ((0, 0), (0, absent)))
        first = np.pad(first, ((0, 0), (0, absent)), constant_values=-np.inf)
    return order, first.astype(np.float32)
