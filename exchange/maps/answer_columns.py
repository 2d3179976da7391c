"""The columns that an answer becomes: status, row, what was read, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decision.decide import Status
from engine.reading.slots import Modality
from exchange.masking import mask_parsed
from support.identifiers import find_identifiers

if TYPE_CHECKING:
    from engine.lookup import Answer

ANSWER_COLUMNS = (
    "status",
    "confidence",
    "concept_id",
    "preferred_name",
    "laterality_concept_id",
    "runner_up",
    "offered",
    "offered_probability",
    "reasons",
    "parsed_modality",
    "parsed_anatomy",
    "parsed_laterality",
    "parsed_contrast",
    "parsed_technique",
    "parsed_interventional",
    "warnings",
)


def answer_columns(answer: Answer) -> dict[str, str]:
    """Write an answer as text columns, in the order of `ANSWER_COLUMNS`."""
    parsed, row = answer.query.parsed, answer.row
    modalities = answer.query.modalities
    interventional = parsed.interventional or Modality.IR in parsed.modalities
    return {
        "status": answer.status.value,
        "confidence": f"{answer.confidence:.4f}",
        "concept_id": row.concept_id if row else "",
        "preferred_name": row.preferred_name if row else "",
        "laterality_concept_id": row.laterality_concept_id if row else "",
        "runner_up": answer.runner_up.preferred_name if row and answer.runner_up else "",
        "offered": " | ".join(row.preferred_name for row in answer.offered)
        if answer.status is Status.AMBIGUOUS
        else "",
        "offered_probability": f"{answer.offered_probability:.4f}" if answer.offered else "",
        "reasons": "; ".join(answer.reasons),
        "parsed_modality": ";".join(sorted(modalities)),
        "parsed_anatomy": ";".join(sorted(parsed.anatomy)),
        "parsed_laterality": parsed.laterality.value,
        "parsed_contrast": parsed.contrast.value,
        "parsed_technique": ";".join(sorted(parsed.technique | parsed.intervention)),
        "parsed_interventional": str(interventional).lower(),
        "warnings": "; ".join(answer_warnings(answer)),
    }


def answer_warnings(answer: Answer) -> list[str]:
    """Say what a person should know before trusting an answer; identifiers are not repeated."""
    query = answer.query
    warnings = []
    if not query.parsed.text.strip():
        warnings.append("no exam name")
    kinds = dict.fromkeys(found.kind for found in find_identifiers(query.parsed.text))
    if kinds:
        warnings.append(f"looks like a patient identifier: {', '.join(kinds)}")
    if query.modality_conflict:
        text, code = sorted(query.parsed.modalities), sorted(query.code_modalities)
        warnings.append(f"name says {'+'.join(text)}, MODALITY_CODE says {'/'.join(code)}")
    if answer.departs.in_words():
        warnings.append(f"{answer.departs.in_words()} not as the name states")
    unknown = mask_parsed(query.parsed).unknown
    if unknown:
        warnings.append(f"not understood: {' '.join(unknown)}")
    return warnings
