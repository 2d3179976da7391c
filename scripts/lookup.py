"""``radtune lookup``: map one exam name to catalogue rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from engine.decision.decide import Status
from engine.ranking.weights import Feature
from exchange.masking import mask_parsed
from objectives.configuration import DEFAULT_CONFIG
from objectives.decisions.calibration import calibration_note
from objectives.workspace import Workspace
from scripts.shared.console import ConfigOption, JsonOption, load_and_warn, print_json, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.catalogue.rows import CatalogueRow
    from engine.lookup import Answer

_N_VETOED = 5


def lookup(
    name: Annotated[str, typer.Argument(help="The exam name.")],
    modality: Annotated[
        str, typer.Option(help="MODALITY_CODE of the record, such as CT or CR. [default: none]")
    ] = "",
    top_k: Annotated[int, typer.Option(min=1, help="Candidates to show.", show_default=True)] = 5,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show how words, features and vetoes led to the answer."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Map one exam name to catalogue rows.

    Scores have no unit. Confidence is in [0, 1].
    """
    settings = load_and_warn(config)
    workspace = Workspace(settings)
    engine = workspace.lookup_engine()
    answer = engine.lookup(name, modality)
    candidates = _candidates(answer, workspace.rows, top_k)
    note = calibration_note(settings, workspace.catalogue_sha256)
    if as_json:
        print_json({**_document(answer, candidates), "calibration_note": note})
        return
    typer.echo(f"{answer.status}  confidence {answer.confidence:.3f}")
    if note:
        warn(note)
    if answer.status is Status.AMBIGUOUS:
        n_offered = len(answer.offered)
        typer.echo(
            f"a person must decide: {'; '.join(answer.reasons)}\n"
            f"{n_offered} row{'s' if n_offered > 1 else ''} offered; probability that the right "
            f"one is among them: {answer.offered_probability:.3f}"
        )
        typer.echo(
            "\n".join(f"  {row.preferred_name}  ({row.concept_id})" for row in answer.offered)
        )
    elif answer.row:
        typer.echo(f"{answer.row.preferred_name}  ({answer.row.concept_id})")
    if explain:
        from scripts.shared.explanation import print_explanation  # noqa: PLC0415 - needs rich's tables

        explanation = engine.explain(answer, _N_VETOED)
        print_explanation(answer, workspace.rows, explanation, top_k)
    else:
        typer.echo(" rank  score   preferred name")
        for rank, candidate in enumerate(candidates, start=1):
            typer.echo(f" {rank:<4}  {candidate.score:.4f}  {candidate.preferred_name}")


class Candidate(NamedTuple):
    """One ranked row as the user sees it."""

    preferred_name: str
    score: float
    features: dict[str, float]


def _candidates(answer: Answer, rows: Sequence[CatalogueRow], top_k: int) -> list[Candidate]:
    ranking = answer.ranking
    return [
        Candidate(
            rows[row].preferred_name,
            float(score),
            {feature.name.lower(): float(features[feature]) for feature in Feature},
        )
        for row, score, features in zip(
            ranking.rows[:top_k], ranking.scores[:top_k], ranking.features[:top_k], strict=True
        )
    ]


def _document(answer: Answer, candidates: Sequence[Candidate]) -> dict[str, object]:
    parsed = mask_parsed(answer.query.parsed)
    return {
        "status": answer.status,
        "confidence": answer.confidence,
        "concept_id": answer.row.concept_id if answer.row else "",
        "preferred_name": answer.row.preferred_name if answer.row else "",
        "laterality_concept_id": answer.row.laterality_concept_id if answer.row else "",
        "offered": [row.preferred_name for row in answer.offered],
        "offered_probability": answer.offered_probability,
        "reasons": answer.reasons,
        "components": {
            "modality": sorted(answer.query.modalities),
            "anatomy": sorted(parsed.anatomy),
            "laterality": parsed.laterality,
            "contrast": parsed.contrast,
            "technique": sorted(parsed.technique),
            "intervention": sorted(parsed.intervention),
            "context": sorted(parsed.context),
            "unknown": list(parsed.unknown),
        },
        "candidates": candidates,
    }
