"""What decisions are worth: coverage, errors and critical errors among what was accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.decide import Decisions, Status, decide
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import Winners, find_winners
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.cases.groups import each_group
from objectives.decisions.calibration_error import Reliability, reliability
from objectives.decisions.case_results import Answers
from objectives.decisions.risk_coverage import (
    CurvePoint,
    error_upper_bound,
    largest_coverage,
    risk_coverage,
    thinned,
)
from objectives.metrics import accuracy_at_1, decision_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.decision.settings import DecisionSettings
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.cases.cases import Case
    from objectives.cases.critical_errors import RowTruth
    from objectives.configuration import Configuration

UNANSWERABLE = "no right row"


class CriticalErrors(NamedTuple):
    """Dangerous answers; a case may count for several kinds.

    Attributes
    ----------
    n_cases : int
        Cases that are dangerous in at least one way.
    by_kind : dict
        Kind to the number of cases.
    share : float
        Of the answers they were counted among, [0, 1]; 0 of none.
    """

    n_cases: int
    by_kind: dict[str, int]
    share: float


class DecisionMetrics(NamedTuple):
    """The decisions about some labelled cases; shares in [0, 1].

    Attributes
    ----------
    n_cases, n_answerable : int
        Labelled cases, and those with a gold row.
    accuracy_at_1 : float
        Of the answerable cases; 0 of none.
    decision_accuracy : float
    n_accepted : int
        MATCH answers.
    coverage : float
        Share of the cases that are accepted.
    n_wrong_accepted : int
    error_rate : float
        Of the accepted answers; 0 of none.
    error_upper_bound : float
        One-sided upper bound of it; 1 of none.
    critical : CriticalErrors
        First-ranked rows that are dangerous, among the answerable cases.
    critical_accepted : CriticalErrors
        The same among the accepted answers.
    unanswerable_not_accepted : float or None
        Of the cases that no row is right for; None without such a case.
    """

    n_cases: int
    n_answerable: int
    accuracy_at_1: float
    decision_accuracy: float
    n_accepted: int
    coverage: float
    n_wrong_accepted: int
    error_rate: float
    error_upper_bound: float
    critical: CriticalErrors
    critical_accepted: CriticalErrors
    unanswerable_not_accepted: float | None


class DecisionReport(NamedTuple):
    """The decisions about some labelled cases, whole and in parts.

    Attributes
    ----------
    overall : DecisionMetrics
    by_site, by_modality : dict
        Site (or modality of the gold row) to its metrics.
    reliability : Reliability
    risk_coverage : list of CurvePoint
        At most 50 points, the highest threshold first.
    at_target : CurvePoint or None
        The point of largest coverage whose error rate is at most the target, if there is one.
    set_holds_gold : float or None
        Share of the answerable AMBIGUOUS cases whose offered rows hold the gold row.
    set_stated_probability : float or None
        What those answers say of it on average.
    """

    overall: DecisionMetrics
    by_site: dict[str, DecisionMetrics]
    by_modality: dict[str, DecisionMetrics]
    reliability: Reliability
    risk_coverage: list[CurvePoint]
    at_target: CurvePoint | None
    set_holds_gold: float | None
    set_stated_probability: float | None


def report_decisions(
    config: Configuration, labelled: LabelledBank, truth: RowTruth
) -> DecisionReport:
    """Decide labelled cases with one configuration and measure.

    Parameters
    ----------
    config : Configuration
    labelled : LabelledBank
        At least one case; all say what is right.
    truth : RowTruth
    """
    winners = find_winners(labelled, effective_coefficients(config.weights))
    decisions = decide(winners.evidence, config.calibration, config.decision)
    return report_decided(config.decision, labelled, truth, winners, decisions)


def report_decided(
    settings: DecisionSettings,
    labelled: LabelledBank,
    truth: RowTruth,
    winners: Winners,
    decisions: Decisions,
) -> DecisionReport:
    """Measure decisions that are already made.

    Parameters
    ----------
    settings : DecisionSettings
    labelled : LabelledBank
        As for `report_decisions`.
    truth : RowTruth
    winners : Winners
    decisions : Decisions
        Like `winners`, of exactly the labelled cases.
    """
    answers = Answers.of(labelled.labels, winners, decisions)
    return report_answers(settings, labelled.cases, labelled.labels.answerable, truth, answers)


def report_answers(
    settings: DecisionSettings,
    cases: Sequence[Case],
    answerable: NDArray[np.bool_],
    truth: RowTruth,
    answers: Answers,
) -> DecisionReport:
    """Measure the answers to labelled cases.

    Parameters
    ----------
    settings : DecisionSettings
    cases : sequence of Case
        At least one; all say what is right.
    answerable : ndarray of bool, shape (n_cases,)
    truth : RowTruth
    answers : Answers
        Of exactly these cases.
    """
    decisions = answers.decisions
    clinical = ~answers.non_clinical
    curve = risk_coverage(
        decisions.confidences,
        answers.correct,
        answers.may_be_accepted,
        settings.bound_confidence,
    )
    ambiguous = (decisions.statuses == Status.AMBIGUOUS) & answerable
    holds = answers.gold_within[np.arange(len(clinical)), np.maximum(decisions.set_sizes - 1, 0)]
    sites = (case.site for case in cases)
    modalities = (truth.modality_of(case.gold) if case.gold else UNANSWERABLE for case in cases)

    def part(some: NDArray[np.bool_]) -> DecisionMetrics:
        return measure_decisions(answers, answerable, some, settings.bound_confidence)

    return DecisionReport(
        overall=part(np.ones(len(clinical), dtype=np.bool_)),
        by_site={site: part(some) for site, some in each_group(sites)},
        by_modality={name: part(some) for name, some in each_group(modalities)},
        reliability=reliability(decisions.confidences[clinical], answers.correct[clinical]),
        risk_coverage=thinned(curve),
        at_target=largest_coverage(curve, settings.target_error_rate),
        set_holds_gold=float(holds[ambiguous].mean()) if ambiguous.any() else None,
        set_stated_probability=float(decisions.set_probabilities[ambiguous].mean())
        if ambiguous.any()
        else None,
    )


def measure_decisions(
    answers: Answers,
    every_answerable: NDArray[np.bool_],
    cases: NDArray[np.bool_],
    bound_confidence: float,
) -> DecisionMetrics:
    """Measure the answers to some labelled cases, at least one.

    Parameters
    ----------
    answers : Answers
    every_answerable, cases : ndarray of bool, shape (n_cases,)
        Cases that have a gold row, and those to measure.
    bound_confidence : float
        Of the upper bound.
    """
    decisions = answers.decisions
    answerable = every_answerable & cases
    accepted = (decisions.statuses == Status.MATCH) & cases
    n_accepted, n_cases = int(accepted.sum()), int(cases.sum())
    n_wrong = int((accepted & ~answers.correct).sum())
    unanswerable = cases & ~answerable
    return DecisionMetrics(
        n_cases=n_cases,
        n_answerable=int(answerable.sum()),
        accuracy_at_1=accuracy_at_1(answers.correct, answerable),
        decision_accuracy=decision_accuracy(decisions, answers.correct, every_answerable, cases),
        n_accepted=n_accepted,
        coverage=n_accepted / n_cases,
        n_wrong_accepted=n_wrong,
        error_rate=n_wrong / max(n_accepted, 1),
        error_upper_bound=float(
            error_upper_bound(np.array(n_wrong), np.array(n_accepted), bound_confidence)
        ),
        critical=count_critical(answers.critical, answerable),
        critical_accepted=count_critical(answers.critical, accepted),
        unanswerable_not_accepted=1 - float(accepted[unanswerable].mean())
        if unanswerable.any()
        else None,
    )


def count_critical(critical: NDArray[np.bool_], among: NDArray[np.bool_]) -> CriticalErrors:
    """Count the dangerous answers among some cases.

    Parameters
    ----------
    critical : ndarray of bool, shape (n_cases, n_kinds)
    among : ndarray of bool, shape (n_cases,)
    """
    counted = critical[among]
    n_cases = int(counted.any(axis=1).sum())
    return CriticalErrors(
        n_cases=n_cases,
        by_kind={
            kind: int(n) for kind, n in zip(CRITICAL_KINDS, counted.sum(axis=0), strict=True)
        },
        share=n_cases / max(int(among.sum()), 1),
    )
