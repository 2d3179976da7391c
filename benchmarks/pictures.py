"""Pictures of what was measured, into docs/figures/images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from benchmarks.search_trace import Step, after_seconds, after_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from objectives.decisions.calibration_error import Reliability
    from objectives.decisions.risk_coverage import CurvePoint

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "figures" / "images"
_COLOURS = ("#0b5fa5", "#1b9e77", "#d95f02", "#7f7f7f")
_DPI = 110
_LOOKS = (  # of strategies: colour and line style
    ("#d62728", "-"),
    ("#1f77b4", "-"),
    ("#2ca02c", "-"),
    ("#9467bd", "-"),
    ("#ff7f0e", "--"),
    ("#8c564b", "--"),
    ("#7f7f7f", ":"),
    ("#2ca02c", "-."),
)
_N_PLACES = 400
_ENLARGED = 0.002  # below the best value


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


def draw_search(found: Mapping[str, Sequence[Sequence[Step]]]) -> None:
    """Draw the best value against trials and against seconds, median and range of the runs.

    Parameters
    ----------
    found : mapping of str to sequence of runs
        For each strategy the better and better trials of each of its runs.
    """
    figure = Figure(figsize=(11, 9), layout="constrained")
    all_axes = figure.subplots(2, 2, sharex="col", sharey="row")
    n_trials = np.unique(np.geomspace(1, 1_000, _N_PLACES).astype(int)).astype(np.float64)
    seconds = np.geomspace(0.1, 60, _N_PLACES)
    for by_trials, by_seconds in all_axes:
        _draw_runs(by_trials, found, n_trials, lambda steps, n: after_trials(steps, int(n)))
        _draw_runs(by_seconds, found, seconds, after_seconds)
        by_trials.set(xscale="log", xlim=(1, 1_000), ylabel="best value, median and range")
        by_seconds.set(xscale="log", xlim=(0.1, 60))
        by_trials.yaxis.set_major_formatter(lambda share, _: f"{share:.2%}")
        for axes, ticks in (
            (by_trials, (1, 10, 25, 100, 300, 1000)),
            (by_seconds, (0.1, 1, 10, 60)),
        ):
            axes.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
    best = max(run[-1].value for runs in found.values() for run in runs)
    all_axes[1, 0].set_ylim(best - _ENLARGED, best + _ENLARGED / 20)
    all_axes[1, 0].yaxis.set_major_locator(MultipleLocator(_ENLARGED / 4))
    all_axes[0, 0].set_title("Against trials")
    all_axes[0, 1].set_title("Against seconds")
    for axes in all_axes[1]:
        axes.set_title("The same, its top enlarged")
    all_axes[1, 0].set_xlabel("trials")
    all_axes[1, 1].set_xlabel("seconds")
    handles, names = all_axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=9)
    _save(figure, "search.png")


def _draw_runs(
    axes: Axes,
    found: Mapping[str, Sequence[Sequence[Step]]],
    places: NDArray[np.float64],
    step_after: Callable[[Sequence[Step], float], Step],
) -> None:
    for (name, runs), (colour, style) in zip(found.items(), _LOOKS, strict=False):
        values = np.array([[step_after(run, x).value for x in places.tolist()] for run in runs])
        low, middle, high = values.min(axis=0), np.median(values, axis=0), values.max(axis=0)
        axes.fill_between(places, low, high, step="post", color=colour, alpha=0.1, linewidth=0)
        axes.step(places, middle, where="post", color=colour, linestyle=style, label=name, lw=1.8)


def _save(figure: Figure, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / name, dpi=_DPI, metadata={"Software": None})
