"""Print how an answer came about, as three tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.decision.explain import readings
from engine.ranking.weights import Feature
from exchange.masking import mask_parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.catalogue.rows import CatalogueRow
    from engine.lookup import Answer, Explanation

_WIDTH = 100  # columns
_N_BESIDE = 8  # candidates that fit side by side


def print_explanation(
    answer: Answer, rows: Sequence[CatalogueRow], explanation: Explanation, n_shown: int
) -> None:
    """Print three tables that fit 100 columns: words, scores, vetoes.

    Parameters
    ----------
    answer : Answer
    rows : sequence of CatalogueRow
        Of the catalogue.
    explanation : Explanation
    n_shown : int
        Candidates that are shown at most.
    """
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
    parts = explanation.contributions[: min(n_shown, _N_BESIDE)]
    shown = [feature for feature in Feature if any(feature in part for part in parts)]
    scores = Table(title="Score = sum of feature x weight", title_justify="left", box=None)
    scores.add_column("")
    for rank in range(1, len(parts) + 1):
        scores.add_column(str(rank), justify="right")
    for feature in shown:
        cells = [f"{part[feature]:+.4f}" if feature in part else "" for part in parts]
        scores.add_row(feature.name.lower(), *cells)
    totals = answer.ranking.scores[: len(parts)].tolist()
    scores.add_row("score", *(f"{score:.4f}" for score in totals), style="bold")
    console.print(scores)
    names = Table("rank", "preferred name", box=None)
    for rank, row in enumerate(answer.ranking.rows[: len(parts)].tolist(), start=1):
        names.add_row(str(rank), Text(rows[row].preferred_name))
    console.print(names)
    vetoed = Table(
        "veto", "score", "preferred name", box=None, title="Removed", title_justify="left"
    )
    for rival in explanation.vetoed:
        name = Text(rival.row.preferred_name)
        vetoed.add_row(", ".join(rival.reasons), f"{rival.score:.4f}", name)
    console.print(vetoed if explanation.vetoed else "No row was vetoed.")
