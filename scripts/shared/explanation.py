"""Print how an answer came about."""

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
_N_BESIDE = 6  # candidates whose names fit side by side
_WIDEST_SCORE = 24  # columns of a candidate
_PADDING = 3  # columns beside it
_LONGEST_NAME = 60  # letters


def print_explanation(
    answer: Answer, rows: Sequence[CatalogueRow], explanation: Explanation, n_shown: int
) -> None:
    """Print what fits 100 columns: words, scores, confidence, vetoes.

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
    labels = [feature.name.lower() for feature in shown]
    scores.add_column("", no_wrap=True)
    width = (_WIDTH - max(map(len, labels), default=0)) // max(len(parts), 1) - _PADDING
    for rank, row in enumerate(answer.ranking.rows[: len(parts)].tolist(), start=1):
        name = Text(f"{rank}. {_shortened(rows[row].preferred_name)}", overflow="fold")
        scores.add_column(
            name, justify="right", vertical="bottom", width=min(width, _WIDEST_SCORE)
        )
    for label, feature in zip(labels, shown, strict=True):
        cells = [f"{part[feature]:+.4f}" if feature in part else "" for part in parts]
        scores.add_row(label, *cells)
    totals = answer.ranking.scores[: len(parts)].tolist()
    scores.add_row("score", *(f"{score:.4f}" for score in totals), style="bold")
    console.print(scores)
    console.print(_confidence_line(answer, explanation), highlight=False)
    vetoed = Table(
        "veto", "score", "preferred name", box=None, title="Removed", title_justify="left"
    )
    for rival in explanation.vetoed:
        name = Text(rival.row.preferred_name)
        vetoed.add_row(", ".join(rival.reasons), f"{rival.score:.4f}", name)
    console.print(vetoed if explanation.vetoed else "No row was vetoed.")


def _shortened(name: str) -> str:
    """Leave out the middle of a long name: its end may say the side."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[:half].rstrip()} ... {name[-half:].lstrip()}"


def _confidence_line(answer: Answer, explanation: Explanation) -> str:
    """Lead from the score of the first row to the confidence."""
    stated = f"confidence {answer.confidence:.3f}"
    if answer.query.parsed.non_clinical:
        return f"{stated}: the name is no examination"
    if not len(answer.ranking.rows):
        return f"{stated}: there is no candidate"
    given = explanation.grounds
    lead = f"lead {given.lead:.2f} over row 2" if len(answer.ranking.rows) > 1 else "no row 2"
    return (
        f"{stated}: score {given.score:.2f} without frequency, {lead}, "
        f"{given.additions:g} additions, {given.completeness:.0%} understood"
    )
