"""Pictures of what was measured, into docs/images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from objectives.reliability import Reliability
    from objectives.risk_coverage import CurvePoint

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
_COLOURS = ("#0b5fa5", "#1b9e77", "#d95f02", "#7f7f7f")
_DPI = 110


def draw_risk_coverage(curves: Mapping[str, list[CurvePoint]]) -> None:
    """Draw the error among accepted answers against the share accepted."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        axes.plot(
            [point.coverage for point in curve],
            [point.error_rate for point in curve],
            label=name.replace("`", ""),
            color=colour,
        )
    axes.axhline(0.01, color="black", linewidth=0.8, linestyle=":")
    axes.annotate("target: 1% error", (0.5, 0.0105), fontsize=8, va="bottom")
    axes.set(
        xlabel="share of the gate cases that is accepted",
        ylabel="share of the accepted answers that is wrong",
        yscale="symlog",
        xlim=(0, 1),
        ylim=(0, 1),
        title="Gate sites: error against coverage",
    )
    axes.set_yscale("symlog", linthresh=0.01)
    ticks = (0, 0.005, 0.01, 0.05, 0.1, 0.5)
    axes.set_yticks(ticks, [f"{tick:.1%}" for tick in ticks])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(0.01, 0.5), fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, "risk_coverage.png")


def draw_reliability(measured: Mapping[str, Reliability]) -> None:
    """Draw how often answers are right against the confidence that they state."""
    figure = Figure(figsize=(5.2, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
    for (name, found), colour in zip(measured.items(), _COLOURS, strict=False):
        filled = [bin_ for bin_ in found.bins if bin_.n_cases]
        axes.plot(
            [bin_.mean_confidence for bin_ in filled],
            [bin_.share_right for bin_ in filled],
            marker="o",
            markersize=4,
            color=colour,
            label=f"{name.replace('`', '')} ({found.expected_calibration_error:.3f})",
        )
    axes.set(
        xlabel="stated confidence",
        ylabel="share right",
        xlim=(0, 1),
        ylim=(0, 1),
        title="Gate sites: reliability (calibration error)",
        aspect="equal",
    )
    axes.legend(loc="upper left", fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, "reliability.png")


def _save(figure: Figure, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / name, dpi=_DPI, metadata={"Software": None})
