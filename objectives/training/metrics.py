"""What a training run measures: every figure from the answers to single cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.cases.groups import each_group
from objectives.decisions.calibration import calibration_note
from objectives.decisions.decision_quality import (
    DecisionReport,
    count_critical,
    measure_decisions,
    report_answers,
)
from objectives.metrics import accuracy_at_1

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from objectives.cases.cases import BadRecord, CaseSet
    from objectives.configuration import Configuration
    from objectives.decisions.case_results import Answers
    from objectives.workspace import Workspace

TRAINING, VALIDATION, UNLABELLED = "training", "validation", "unlabelled"
_ANY_BOUND = 0.95  # parts tell no upper bound


class PartMetrics(NamedTuple):
    """How the cases of some sites were answered.

    Attributes
    ----------
    n_cases, n_labelled, n_answerable : int
        Cases, those of which it is known what is right, and those that have a gold row.
    accuracy_at_1, recall_at_k : float or None
        Of the answerable cases, [0, 1]; None of none.
    decision_accuracy, coverage, error_rate : float or None
        Of the labelled cases, [0, 1]; None of none.
    critical_errors : int
        Answerable cases whose first-ranked row is dangerous.
    average_confidence : float
        In [0, 1].
    """

    n_cases: int
    n_labelled: int
    n_answerable: int
    accuracy_at_1: float | None
    recall_at_k: float | None
    decision_accuracy: float | None
    coverage: float | None
    error_rate: float | None
    critical_errors: int
    average_confidence: float


class TrainingMetrics(NamedTuple):
    """What a training run measured.

    Attributes
    ----------
    session_id : int
    experiment_name : str
    total_cases, processed_cases : int
        Records in the files, and those that could be used.
    held_back : dict
        Test site to the number of its cases whose labels are withheld: they are processed as if
        their file had none.
    labelled_cases, answerable_cases : int
        Cases of which it is known what is right, and those that have a gold row.
    correct : int
        Answerable cases whose first-ranked row is the gold row.
    accuracy_at_1, recall_at_k, decision_accuracy : float or None
        In [0, 1]; None when no case is labelled.
    top_k : int
        The k of recall_at_k.
    successful_matches : int
        Cases whose confidence reached the accept threshold, right or wrong.
    success_rate, average_confidence : float
        In [0, 1], over the processed cases.
    calibration_note : str or None
        Why confidence comes from a default calibrator; None when it is this catalogue's own.
    decisions : DecisionReport or None
        Coverage, errors and critical errors of the decisions; None when no case is labelled.
    critical_errors : int
        Answerable cases whose first-ranked row is dangerous.
    critical_errors_by_kind : dict
    critical_errors_source : str
        Where the truth about the rows comes from.
    site_accuracies : dict
        accuracy@1 of each site.
    validation_sites : tuple of str
        The labelled sites that `validation_split` sets apart.
    parts : dict
        "training" and "validation" to the metrics of those of the labelled sites.
    sites : dict
        Site to its metrics.
    errors : int
        Records that could not be used.
    error_rate : float
        In [0, 1], over all records.
    bad_records : tuple of BadRecord
    total_processing_time_s, cases_per_s : float
        Of all runs of the session.
    """

    session_id: int
    experiment_name: str
    total_cases: int
    processed_cases: int
    held_back: dict[str, int]
    labelled_cases: int
    answerable_cases: int
    correct: int
    accuracy_at_1: float | None
    recall_at_k: float | None
    decision_accuracy: float | None
    top_k: int
    successful_matches: int
    success_rate: float
    average_confidence: float
    calibration_note: str | None
    decisions: DecisionReport | None
    critical_errors: int
    critical_errors_by_kind: dict[str, int]
    critical_errors_source: str
    site_accuracies: dict[str, float]
    validation_sites: tuple[str, ...]
    parts: dict[str, PartMetrics]
    sites: dict[str, PartMetrics]
    errors: int
    error_rate: float
    bad_records: tuple[BadRecord, ...]
    total_processing_time_s: float
    cases_per_s: float

    def part_of(self, site: str) -> str:
        """Tell which part a site belongs to."""
        if site in self.validation_sites:
            return VALIDATION
        return TRAINING if self.sites[site].n_labelled else UNLABELLED


def choose_validation_sites(sites: Collection[str], share: float, seed: int) -> tuple[str, ...]:
    """Choose about a share of some sites, at least one where it is above 0, but never all.

    Parameters
    ----------
    sites : collection of str
        Those with labelled cases.
    share : float
        In [0, 1).
    seed : int
    """
    n_chosen = min(max(round(share * len(sites)), int(share > 0)), max(len(sites) - 1, 0))
    order = np.random.default_rng(seed).permutation(sorted(sites))
    return tuple(sorted(map(str, order[:n_chosen])))


def measure(
    config: Configuration,
    loaded: CaseSet,
    answers: Answers,
    workspace: Workspace,
    validation_split: float = 0.0,
) -> TrainingMetrics:
    """Measure the answers to all cases; session, name and times are left at zero.

    Parameters
    ----------
    config : Configuration
    loaded : CaseSet
    answers : Answers
        To its cases, in their order.
    workspace : Workspace
    validation_split : float
        Share of the sites to be set apart, [0, 1).
    """
    cases = loaded.cases
    labelled = np.array([case.has_gold for case in cases])
    answerable = np.array([case.gold is not None for case in cases])
    report = None
    if labelled.any():
        said = [case for case in cases if case.has_gold]
        some = answers.take(labelled)
        report = report_answers(config.decision, said, answerable[labelled], workspace.truth, some)
    critical = count_critical(answers.critical, answerable)

    def part(some: NDArray[np.bool_]) -> PartMetrics:
        return _measure_part(answers, labelled, answerable, some)

    overall = part(np.ones(len(cases), dtype=np.bool_))
    confidences = answers.decisions.confidences
    threshold = config.calibration.accept_threshold
    n_successful = 0 if threshold is None else int((confidences >= threshold).sum())
    sites = list(each_group(case.site for case in cases))
    of_sites = {site: part(here) for site, here in sites}
    labelled_sites = [site for site, found in of_sites.items() if found.n_labelled]
    validation = choose_validation_sites(labelled_sites, validation_split, config.training.seed)
    is_validation = np.zeros(len(cases), dtype=np.bool_)
    for site, here in sites:
        is_validation |= here & (site in validation)
    parts = {TRAINING: labelled & ~is_validation, VALIDATION: labelled & is_validation}
    return TrainingMetrics(
        session_id=0,
        experiment_name="",
        total_cases=loaded.n_records,
        processed_cases=len(cases),
        held_back=loaded.held_back,
        labelled_cases=overall.n_labelled,
        answerable_cases=overall.n_answerable,
        correct=int((answers.correct & answerable).sum()),
        accuracy_at_1=overall.accuracy_at_1,
        recall_at_k=overall.recall_at_k,
        decision_accuracy=overall.decision_accuracy,
        top_k=config.retriever_top_k,
        successful_matches=n_successful,
        success_rate=n_successful / len(cases),
        average_confidence=overall.average_confidence,
        calibration_note=calibration_note(config, workspace.catalogue_sha256),
        decisions=report,
        critical_errors=critical.n_cases,
        critical_errors_by_kind=critical.by_kind,
        critical_errors_source=workspace.truth.source,
        site_accuracies={
            site: found.accuracy_at_1
            for site, found in of_sites.items()
            if found.accuracy_at_1 is not None
        },
        validation_sites=validation,
        parts={name: part(here) for name, here in parts.items() if here.any()},
        sites=of_sites,
        errors=len(loaded.bad_records),
        error_rate=len(loaded.bad_records) / loaded.n_records,
        bad_records=loaded.bad_records,
        total_processing_time_s=0.0,
        cases_per_s=0.0,
    )


def _measure_part(
    answers: Answers,
    labelled: NDArray[np.bool_],
    answerable: NDArray[np.bool_],
    cases: NDArray[np.bool_],
) -> PartMetrics:
    """Measure some cases, at least one; arguments of shape (n_cases,)."""
    known, answerable = labelled & cases, answerable & cases
    decided = measure_decisions(answers, answerable, known, _ANY_BOUND) if known.any() else None
    n_answerable = int(answerable.sum())
    return PartMetrics(
        n_cases=int(cases.sum()),
        n_labelled=int(known.sum()),
        n_answerable=n_answerable,
        accuracy_at_1=accuracy_at_1(answers.correct, answerable) if n_answerable else None,
        recall_at_k=int((answers.is_retrieved & answerable).sum()) / n_answerable
        if n_answerable
        else None,
        decision_accuracy=decided.decision_accuracy if decided else None,
        coverage=decided.coverage if decided else None,
        error_rate=decided.error_rate if decided else None,
        critical_errors=count_critical(answers.critical, answerable).n_cases,
        average_confidence=float(answers.decisions.confidences[cases].mean()),
    )
