"""Print how an answer came about, as three tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.coefficients import Feature
from engine.explain import readings
from objectives.identifiers import mask_parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.lookup import Answer, Explanation
    from scripts.lookup import Candidate

_WIDTH = 100  # columns


def print_explanation(
    answer: Answer, candidates: Sequence[Candidate], explanation: Explanation
) -> None:
    """Print three tables that fit 100 columns: words, scores, vetoes."""
    console = Console(width=_WIDTH)
    words = Table(
        "words", "slot", "read as", box=None, title="What the words say", title_justify="left"
    )
    masked = answer.query._replace(parsed=mask_parsed(answer.query.parsed))
    for reading in readings(masked):
        words.add_row(Text(reading.words), reading.slot, Text(reading.value))
    if answer.query.code_modalities:
        codes = " or ".join(sorted(answer.query.code_modalities))
        words.add_row("MODALITY_CODE", "modality", codes)
    console.print(words)
    parts = explanation.contributions[: len(candidates)]
    shown = [feature for feature in Feature if any(feature in part for part in parts)]
    scores = Table(title="Score = sum of feature x weight", title_justify="left", box=None)
    scores.add_column("")
    for rank in range(1, len(parts) + 1):
        scores.add_column(str(rank), justify="right")
    for feature in shown:
        cells = [f"{part[feature]:+.4f}" if feature in part else "" for part in parts]
        scores.add_row(feature.name.lower(), *cells)
    scores.add_row("score", *(f"{candidate.score:.4f}" for candidate in candidates), style="bold")
    console.print(scores)
    names = Table("rank", "preferred name", box=None)
    for rank, candidate in enumerate(candidates, start=1):
        names.add_row(str(rank), Text(candidate.preferred_name))
    console.print(names)
    vetoed = Table(
        "veto", "score", "preferred name", box=None, title="Removed", title_justify="left"
    )
    for rival in explanation.vetoed:
        name = Text(rival.row.preferred_name)
        vetoed.add_row(", ".join(rival.reasons), f"{rival.score:.4f}", name)
    console.print(vetoed if explanation.vetoed else "No row was vetoed.")
