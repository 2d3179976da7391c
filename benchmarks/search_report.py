"""The tables and targets of the search benchmark."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measurement import Measurement, at_least, at_most
from benchmarks.search_trace import Step, after_seconds, after_trials, share_of_gain
from objectives.cases.critical_errors import CRITICAL_KINDS
from studies.gate.gate import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.search_worker import Run
    from objectives.decisions.decision_quality import CriticalErrors
    from studies.gate.paired_test import Interval

TRIALS = (25, 100, 300, 1_000)
SECONDS = (10, 60)
GATE_AFTER = 100
_REFUSED = Verdict.MORE_CRITICAL_ERRORS
_ALL_TRIALS = TRIALS[-1]
_SOON = SECONDS[0]
_TARGET_LEAD = -0.05  # points
_TARGET_SHARE = 0.99
_TARGET_RECOVERED = 0.2  # points


class Moment(NamedTuple):
    """When a search is looked at."""

    label: str
    step_of: Callable[[Sequence[Step]], Step]


class OnTestSites(NamedTuple):
    """What weights do on the test sites, beside the current ones.

    Attributes
    ----------
    accuracy : float
        accuracy@1, [0, 1].
    interval : Interval
        Of the gain over the current weights, by whole gold rows.
    critical : CriticalErrors
    """

    accuracy: float
    interval: Interval
    critical: CriticalErrors

    @property
    def is_worse(self) -> bool:
        """Whether they are worse than the current weights by more than noise."""
        return self.interval.high < 0


class Compared(NamedTuple):
    """A run, and what it found on the test sites.

    Attributes
    ----------
    run : Run
    accuracies : mapping of str to float
        Of the best at each moment, by its label.
    gated : OnTestSites
        What was shown to the gate.
    """

    run: Run
    accuracies: Mapping[str, float]
    gated: OnTestSites

    @property
    def is_exported(self) -> bool:
        """Whether the gate let it pass."""
        return self.run.gated.verdict is Verdict.EXPORTED


class Recovered(NamedTuple):
    """accuracy@1 of the known best weights, and what two strategies came to."""

    known: float
    line_search: float
    tpe: float


Found = dict[str, list[Compared]]


def moments() -> list[Moment]:
    """Return when every search is looked at."""
    return [
        *(_after_trials(n_trials) for n_trials in TRIALS),
        *(_after_seconds(seconds) for seconds in SECONDS),
    ]


def _after_trials(n_trials: int) -> Moment:
    return Moment(f"{n_trials:,} trials", lambda steps: after_trials(steps, n_trials))


def _after_seconds(seconds: int) -> Moment:
    return Moment(f"{seconds} s", lambda steps: after_seconds(steps, seconds))


def values_at(runs: Sequence[Compared], moment: Moment) -> list[float]:
    """Return the best value of each run at a moment."""
    return [moment.step_of(one.run.steps).value for one in runs]


def targets(found: Found, recovered: Mapping[str, Sequence[Recovered]]) -> list[Measurement]:
    """Hold what was found against what should be."""
    return [_lead(found), _share(found["auto"]), _harm(found), *_recovered(recovered)]


def _lead(found: Found) -> Measurement:
    ours = median(values_at(found["auto"], _after_trials(GATE_AFTER)))
    last = _after_trials(_ALL_TRIALS)
    others = {name: median(values_at(runs, last)) for name, runs in found.items()}
    others.pop("auto")
    best = max(others, key=lambda name: others[name])
    n_trials = min(_ALL_TRIALS, round(median(_n_trials(found[best]))))
    return at_least(
        f"auto after {GATE_AFTER} trials against the best other strategy after {_ALL_TRIALS:,}",
        _points(ours - others[best]),
        _TARGET_LEAD,
        "points",
        f"{ours:.3%} against {others[best]:.3%} ({best} after {n_trials:,}), medians",
    )


def _share(runs: Sequence[Compared]) -> Measurement:
    shares = [share_of_gain(one.run.steps, _SOON) for one in runs]
    ended = [one.run.searched.seconds for one in runs]
    return at_least(
        f"gain of auto after {_SOON} s",
        median(shares),
        _TARGET_SHARE,
        "of its final gain",
        f"{_listed(shares, '.1%')} in each run; it ended after {_listed(ended, '.1f')} s",
    )


def _harm(found: Found) -> Measurement:
    every = [one for runs in found.values() for one in runs]
    exported = [one for one in every if one.is_exported]
    return at_most(
        "exported weights that are worse on the test sites by more than noise",
        sum(one.gated.is_worse for one in exported),
        0,
        "repeats",
        f"{len(exported)} of {len(every)} repeats exported, the gate said no "
        f"{len(every) - len(exported)} times",
    )


def _recovered(recovered: Mapping[str, Sequence[Recovered]]) -> list[Measurement]:
    return [
        at_most(
            f"known optimum, {problem}: line search below it",
            _points(median(one.known - one.line_search for one in found)),
            _TARGET_RECOVERED,
            "points",
            f"in each run {_listed([100 * (one.known - one.line_search) for one in found], '.2f')}"
            f"; TPE {_listed([100 * (one.known - one.tpe) for one in found], '.2f')}",
        )
        for problem, found in recovered.items()
    ]


def untargeted(found: Found) -> list[Measurement]:
    """Return the figures of the tables, of which nothing is promised."""
    return [
        Measurement(
            f"{name}, {what} after {moment.label}",
            100 * median(figures),
            target=None,
            holds=None,
            unit="%",
            detail=_cell(figures),
        )
        for name, runs in found.items()
        for moment in moments()
        for what, figures in (
            ("best value", values_at(runs, moment)),
            ("test sites", _accuracies_at(runs, moment)),
        )
    ]


def values_table(found: Found) -> str:
    """Write the best values as a Markdown table."""
    labels = [moment.label for moment in moments()]
    lines = [*_head("strategy", *labels, "trials in all (seconds)")]
    for name, runs in found.items():
        cells = [_cell(values_at(runs, moment)) for moment in moments()]
        seconds = median(one.run.searched.seconds for one in runs)
        ended = f"{median(_n_trials(runs)):,.0f} ({seconds:.1f} s)"
        lines.append(_row(name, *cells, ended))
    return "\n".join(lines)


def accuracies_table(found: Found) -> str:
    """Write accuracy@1 on the test sites as a Markdown table."""
    lines = [*_head("strategy", *(moment.label for moment in moments()))]
    for name, runs in found.items():
        cells = [_cell(_accuracies_at(runs, moment)) for moment in moments()]
        lines.append(_row(name, *cells))
    return "\n".join(lines)


def gate_table(found: Found, baseline: OnTestSites) -> str:
    """Write what the gate said, and what its yes was worth on the test sites."""
    lines = [
        *_head(
            *("strategy", "exported", "no credible gain", "more critical errors", "which"),
            *("gain of the exported on the test sites, points", "better than noise"),
            "worse than noise",
        )
    ]
    for name, runs in found.items():
        said = [one.run.gated.verdict for one in runs]
        refused = [one.run.gated for one in runs if one.run.gated.verdict is _REFUSED]
        rises = [rise for gated in refused for rise in gated.rises]
        through = [one.gated for one in runs if one.is_exported]
        gains = [100 * (one.accuracy - baseline.accuracy) for one in through]
        lines.append(
            _row(
                f"{name} ({len(runs)})",
                *(str(said.count(verdict)) for verdict in Verdict),
                ", ".join(dict.fromkeys(rises)),
                f"{median(gains):.2f} ({_listed(gains, '.2f')})" if gains else "",
                str(sum(one.interval.low > 0 for one in through)),
                str(sum(one.is_worse for one in through)),
            )
        )
    return "\n".join(lines)


def critical_table(found: Found, baseline: OnTestSites) -> str:
    """Write critical errors on the test sites, summed over all that was exported."""
    exported = [one.gated for runs in found.values() for one in runs if one.is_exported]
    return "\n".join(
        [
            *_head(f"{len(exported)} exported, summed", "dangerous rows", *CRITICAL_KINDS),
            _row("current weights", *_summed([baseline] * len(exported))),
            _row("exported weights", *_summed(exported)),
        ]
    )


def _summed(counted: Sequence[OnTestSites]) -> list[str]:
    """Add up rows that are dangerous in any way, and in each; one may count for several kinds."""
    n_cases = sum(one.critical.n_cases for one in counted)
    by_kind = (sum(one.critical.by_kind[kind] for one in counted) for kind in CRITICAL_KINDS)
    return [str(count) for count in (n_cases, *by_kind)]


def pruner_table(runs: Mapping[tuple[str, str], Run]) -> str:
    """Write what each pruner spared, and what that cost."""
    lines = [*_head("strategy", "pruner", "trials", "cases scored", "best value", "against none")]
    for (strategy, pruner), run in runs.items():
        best = run.steps[-1].value
        unpruned = runs[strategy, "none"].steps[-1].value
        lines.append(
            _row(
                strategy,
                pruner,
                str(run.searched.n_trials),
                f"{run.searched.share_scored:.1%}",
                f"{best:.3%}",
                "same" if best == unpruned else f"{_points(best - unpruned):+.3f} points",
            )
        )
    return "\n".join(lines)


def recovered_table(recovered: Mapping[str, Sequence[Recovered]]) -> str:
    """Write how near the searches came to the known optima."""
    lines = [*_head("problem", "known optimum", "line search", "TPE")]
    for problem, found in recovered.items():
        cells = (_cell(list(figures)) for figures in zip(*found, strict=True))
        lines.append(_row(problem, *cells))
    return "\n".join(lines)


def _accuracies_at(runs: Sequence[Compared], moment: Moment) -> list[float]:
    return [one.accuracies[moment.label] for one in runs]


def _n_trials(runs: Sequence[Compared]) -> list[int]:
    return [one.run.searched.n_trials for one in runs]


def _cell(shares: Sequence[float]) -> str:
    """Write the median, and the range where there is one."""
    low, high = min(shares), max(shares)
    spread = "" if low == high else f" ({100 * low:.2f}-{100 * high:.2f})"
    return f"{100 * median(shares):.2f}{spread}"


def _listed(figures: Sequence[float], form: str) -> str:
    return ", ".join(f"{figure:{form}}" for figure in figures)


def _points(difference: float) -> float:
    """Turn a difference of shares into points, without what binary fractions add."""
    return round(100 * difference, 6)


def _head(*cells: str) -> tuple[str, str]:
    return _row(*cells), "|---" * len(cells) + "|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
