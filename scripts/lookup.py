"""``radtune lookup``: map one exam name to catalogue rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.coefficients import Feature
from objectives.configuration import DEFAULT_CONFIG, load_configuration
from objectives.workspace import Workspace
from scripts.console import ConfigOption, JsonOption, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.catalogue import CatalogueRow
    from engine.lookup import Answer


def lookup(
    name: Annotated[str, typer.Argument(help="The exam name.")],
    modality: Annotated[
        str, typer.Option(help="MODALITY_CODE of the record, such as CT or CR. [default: none]")
    ] = "",
    top_k: Annotated[int, typer.Option(min=1, help="Candidates to show.", show_default=True)] = 5,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Map one exam name to catalogue rows; scores have no unit, confidence is in [0, 1]."""
    workspace = Workspace(load_configuration(config))
    answer = workspace.lookup_engine().lookup(name, modality)
    candidates = _candidates(answer, workspace.rows, top_k)
    if as_json:
        print_json(_document(answer, candidates))
        return
    typer.echo(f"{answer.status}  confidence {answer.confidence:.3f}")
    if answer.row:
        typer.echo(f"{answer.row.preferred_name}  ({answer.row.concept_id})")
    table = Table("rank", "score", "preferred name", box=None)
    for rank, candidate in enumerate(candidates, start=1):
        table.add_row(str(rank), f"{candidate.score:.4f}", Text(candidate.preferred_name))
    Console().print(table)


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
    parsed = answer.query.parsed
    return {
        "status": answer.status,
        "confidence": answer.confidence,
        "concept_id": answer.row.concept_id if answer.row else "",
        "preferred_name": answer.row.preferred_name if answer.row else "",
        "laterality_concept_id": answer.row.laterality_concept_id if answer.row else "",
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
