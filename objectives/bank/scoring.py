"""Judge cases with one set of weights: who wins, and is the winner right or dangerous."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.evidence import N_SCORES, Evidence
from engine.ranking.weights import Feature
from objectives.bank.labelled_bank import critical_kinds, is_gold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.bank.feature_bank import FeatureBank
    from objectives.bank.labelled_bank import LabelledBank


class Winners(NamedTuple):
    """The first-ranked candidate of every case.

    Attributes
    ----------
    rows : ndarray of int32, shape (n_cases,)
        Its catalogue position; -1 where a case has no candidate.
    evidence : Evidence
        What a decision rests on.
    correct : ndarray of bool, shape (n_cases,)
        Whether the winner is the gold row.
    gold_within : ndarray of bool, shape (n_cases, N_SCORES - 1)
        Whether the gold row is the first row, among the first two, and so on.
    critical : ndarray of bool, shape (n_cases, n_kinds)
        In which ways the winner is dangerous.
    """

    rows: NDArray[np.int32]
    evidence: Evidence
    correct: NDArray[np.bool_]
    gold_within: NDArray[np.bool_]
    critical: NDArray[np.bool_]


def find_winners(labelled: LabelledBank, coefficients: NDArray[np.float32]) -> Winners:
    """Rank every case and look the winners up, block by block.

    Parameters
    ----------
    labelled : LabelledBank
        At least one case.
    coefficients : ndarray of float32, shape (n_features,)
    """
    parts = [
        _winners(facts, labelled.labels.codes[here], coefficients)
        for here, facts in labelled.blocks()
    ]
    evidence = zip(*(part.evidence for part in parts), strict=True)
    return Winners(
        rows=np.concatenate([part.rows for part in parts]),
        evidence=Evidence(*map(np.concatenate, evidence)),
        correct=np.concatenate([part.correct for part in parts]),
        gold_within=np.concatenate([part.gold_within for part in parts]),
        critical=np.concatenate([part.critical for part in parts]),
    )


def _winners(
    bank: FeatureBank, codes: NDArray[np.uint8], coefficients: NDArray[np.float32]
) -> Winners:
    order, scores = rank_first(bank, coefficients, N_SCORES)
    cases, first = np.arange(len(order)), order[:, 0]
    best = bank.features[cases, first]
    winning = np.take_along_axis(codes, order, axis=1)
    return Winners(
        rows=bank.rows[cases, first],
        evidence=Evidence(
            scores=scores,
            usage_part=best[:, Feature.FREQUENCY] * coefficients[Feature.FREQUENCY],
            additions=best[:, Feature.UNSTATED_ADDITIONS],
            completeness=bank.completeness,
            departs=bank.departs[cases, first] > 0,
            text_similarity=best[:, Feature.SEMANTIC],
            states_nothing=bank.states_nothing,
            non_clinical=bank.non_clinical,
        ),
        correct=is_gold(winning[:, 0]),
        gold_within=np.logical_or.accumulate(is_gold(winning[:, :-1]), axis=1),
        critical=critical_kinds(winning[:, 0]),
    )


def rank_first(
    bank: FeatureBank, coefficients: NDArray[np.float32], n_first: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Rank every case and keep the first rows.

    Returns
    -------
    positions : ndarray of intp, shape (n_cases, n_first)
        Places among the candidates, from best to worst; ties in tie-break order.
    scores : ndarray of float32, shape (n_cases, n_first)
        Minus infinity where there is no such candidate.
    """
    scores = bank.features @ coefficients
    missing = np.arange(scores.shape[1]) >= bank.n_candidates[:, None]
    scores = np.where(missing, np.float32(-np.inf), scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n_first]
    first = np.take_along_axis(scores, order, axis=1)
    absent = n_first - order.shape[1]
    if absent > 0:
        order = np.pad(order, ((0, 0), (0, absent)))
        first = np.pad(first, ((0, 0), (0, absent)), constant_values=-np.inf)
    return order, first.astype(np.float32)
