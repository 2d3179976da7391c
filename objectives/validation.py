"""Validation on the hand-written sanity set: accuracy, modality extraction, consistency."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sklearn.metrics import adjusted_rand_score

from engine.ranking.coefficients import effective_coefficients
from engine.reading.parse import parse
from engine.reading.query import make_query
from objectives.bank.scoring import find_winners
from objectives.configuration import resolve
from objectives.decisions.calibration import calibration_note
from objectives.decisions.decision_quality import DecisionReport, report_decisions
from objectives.metrics import accuracy_at_1, recall_at_k
from objectives.workspace import Workspace
from support.errors import InputFileError
from support.files import read_json_records
from support.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from objectives.cases.cases import Case
    from objectives.configuration import Configuration

ACCURACY_SHARE, MODALITY_SHARE, CONSISTENCY_SHARE = 0.7, 0.2, 0.1

# Words that state a modality beyond doubt. They choose the names that count for modality
# extraction, and are kept apart from the engine's vocabulary, which is what is measured.
_MODALITY_WORD = re.compile(
    r"(?<![a-z])(ct|cta|ctpa|cat scan|mr|mri|mra|mrcp|us|uss|u/s|ultrasound|doppler|echo|"
    r"x-?ray|xr|radiograph|nm|scintigraphy|spect|pet|fluoroscopy|fluoroscopic|fluoro|barium|"
    r"mammogram|mammography|dexa|dxa|tomography|ultrasonography)(?![a-z])",
    re.IGNORECASE,
)


class WrittenGroup(NamedTuple):
    """Names that mean the same examination, written down by a person.

    Attributes
    ----------
    gold : str
        Preferred name of the row they mean.
    exam_names : tuple of str
    """

    gold: str
    exam_names: tuple[str, ...]


class MissedCase(NamedTuple):
    """A case whose first-ranked row is not the gold row, identifiers masked."""

    exam_name: str
    modality_code: str
    gold: str
    answer: str


class ValidationMetrics(NamedTuple):
    """What validation measured; shares in [0, 1].

    Attributes
    ----------
    n_cases : int
        Cases of the sanity set; all have a gold row or say that there is none.
    accuracy_at_1, recall_at_k : float
    top_k : int
        The k of recall_at_k.
    critical_errors : int
    critical_errors_by_kind : dict
    calibration_note : str or None
        Why confidence comes from a default calibrator; None when it is this catalogue's own.
    decisions : DecisionReport
        Coverage, errors and critical errors of the decisions.
    preprocessing_consistency : float
        Adjusted Rand index (Hubert and Arabie, 1985), 0 where negative, between gold rows and
        parsed slots over the sanity set and the written groups; constant output scores 0.
    n_consistency_names : int
        Names it was measured on.
    modality_extraction_accuracy : float
        Share of names with a modality word from whose text alone the parser reads the modality.
    n_modality_names : int
        Names it was measured on.
    overall_validation_score : float
        0.7 accuracy_at_1 + 0.2 modality_extraction_accuracy + 0.1 preprocessing_consistency.
    missed : tuple of MissedCase
    """

    n_cases: int
    accuracy_at_1: float
    recall_at_k: float
    top_k: int
    critical_errors: int
    critical_errors_by_kind: dict[str, int]
    calibration_note: str | None
    decisions: DecisionReport
    preprocessing_consistency: float
    n_consistency_names: int
    modality_extraction_accuracy: float
    n_modality_names: int
    overall_validation_score: float
    missed: tuple[MissedCase, ...]


def validate(config: Configuration, sanity_path: Path | None = None) -> ValidationMetrics:
    """Measure a configuration on a sanity set.

    Raises
    ------
    InputFileError
        When a file or one of its records cannot be used, or no case has a gold row.
    """
    workspace = Workspace(config)
    path = sanity_path or config.data.sanity
    cases = workspace.load_sanity(path).cases
    groups = load_groups(config.data.consistency_groups)
    judged = workspace.bank(cases)
    labels = judged.labels
    if not labels.answerable.any():
        raise InputFileError(f"{path}: no case has a gold row (EXPECTED_NAME)")
    report = report_decisions(config, judged.labelled(), workspace.truth)
    winners = find_winners(judged, effective_coefficients(config.weights))
    accuracy = accuracy_at_1(winners.correct, labels.answerable)
    named = [case for case in cases if case.gold and _MODALITY_WORD.search(case.exam_name)]
    modality = sum(_reads_modality(case, workspace) for case in named) / max(len(named), 1)
    agreement, n_names = consistency(cases, groups)
    return ValidationMetrics(
        n_cases=len(cases),
        accuracy_at_1=accuracy,
        recall_at_k=recall_at_k(labels),
        top_k=config.retriever_top_k,
        critical_errors=report.overall.critical.n_cases,
        critical_errors_by_kind=report.overall.critical.by_kind,
        calibration_note=calibration_note(config, workspace.catalogue_sha256),
        decisions=report,
        preprocessing_consistency=agreement,
        n_consistency_names=n_names,
        modality_extraction_accuracy=modality,
        n_modality_names=len(named),
        overall_validation_score=ACCURACY_SHARE * accuracy
        + MODALITY_SHARE * modality
        + CONSISTENCY_SHARE * agreement,
        missed=tuple(
            MissedCase(
                mask(case.exam_name),
                mask(case.modality_code),
                case.gold,
                workspace.rows[answer].preferred_name if answer >= 0 else "",
            )
            for case, answer, right in zip(cases, winners.rows, winners.correct, strict=True)
            if case.gold and not right
        ),
    )


def load_groups(path: Path) -> tuple[WrittenGroup, ...]:
    """Load written groups: records with EXPECTED_NAME and a list EXAM_NAMES.

    Raises
    ------
    InputFileError
    """
    return tuple(
        _group(record, f"{path}: record {position}")
        for position, record in enumerate(read_json_records(resolve(path)), start=1)
    )


def _group(record: object, where: str) -> WrittenGroup:
    if not isinstance(record, dict):
        raise InputFileError(f"{where}: an object is expected")
    gold, names = record.get("EXPECTED_NAME"), record.get("EXAM_NAMES")
    if not isinstance(gold, str):
        raise InputFileError(f"{where}: EXPECTED_NAME must be text")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputFileError(f"{where}: EXAM_NAMES must be a list of texts")
    return WrittenGroup(gold, tuple(names))


def _reads_modality(case: Case, workspace: Workspace) -> bool:
    """Whether the text alone, MODALITY_CODE hidden, gives the gold row's modality."""
    read = make_query(case.exam_name).modalities
    return workspace.truth.modality_of(case.gold or "") in read


def consistency(cases: Sequence[Case], groups: Sequence[WrittenGroup]) -> tuple[float, int]:
    """Compare the partition of names by gold row with the partition by parsed slots.

    Returns
    -------
    index : float
        Adjusted Rand index, 0 where negative.
    n_names : int
    """
    names = [(case.gold, case.exam_name) for case in cases if case.gold]
    names += [(group.gold, name) for group in groups for name in group.exam_names]
    gold_rows = [gold for gold, _ in names]
    signatures = [_signature(name) for _, name in names]
    return max(0.0, float(adjusted_rand_score(gold_rows, signatures))), len(names)


def _signature(exam_name: str) -> str:
    """Write the slots that a name states as one text."""
    parsed = parse(exam_name)
    slots = (
        parsed.modalities,
        parsed.anatomy,
        (parsed.laterality,),
        (parsed.contrast,),
        parsed.technique,
        parsed.intervention,
        parsed.context,
    )
    return "|".join(",".join(sorted(terms)) for terms in slots)
