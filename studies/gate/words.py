"""What the gate found, in plain words."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from studies.gate.gate import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from objectives.decisions.decision_quality import DecisionMetrics
    from studies.gate.gate import GateReport, Rise


class GateWords(NamedTuple):
    """A gate's report for people, a line each.

    Attributes
    ----------
    tried, won : str
    gain : str
        With the interval that counts, corrected for all looks.
    critical : str
        Critical errors before and after.
    decision : str
        And why.
    """

    tried: str
    won: str
    gain: str
    critical: str
    decision: str


def gate_words(
    report: GateReport,
    before: DecisionMetrics,
    after: DecisionMetrics,
    *,
    tried: str,
    best_trial: int,
    best_origin: str,
) -> GateWords:
    """Put a gate's report into words.

    Parameters
    ----------
    report : GateReport
    before, after : DecisionMetrics
        Decisions at the gate sites, with the current and with the best configuration.
    tried : str
        What the study tried, such as "40 trials (current weights, 39 of tpe)".
    best_trial : int
        0 when no trial was better than the current weights.
    best_origin : str
        What proposed it.
    """
    low, high = report.corrected
    confidence = f"{100 * report.corrected_confidence:.4g}%"
    accepted = [of.critical_accepted.n_cases for of in (before, after)]
    return GateWords(
        tried=tried,
        won=f"trial {best_trial} ({best_origin})"
        if best_trial
        else "the current weights themselves (trial 0)",
        gain=f"{report.difference:+.4f} accuracy@1 ({confidence} interval "
        f"{low:+.4f} to {high:+.4f} over {report.n_clusters:,} gold rows, corrected for look "
        f"{report.look}; McNemar p = {report.p_value:.2g})",
        critical=f"{report.critical_errors_baseline} -> {report.critical_errors_optimized} "
        f"first-ranked, {accepted[0]} -> {accepted[1]} accepted",
        decision=_decision(report, best_trial),
    )


def _in_words(rises: Sequence[Rise]) -> str:
    """Write such as "side 2 -> 3, age 0 -> 1 among first-ranked rows"."""
    parts = itertools.groupby(rises, key=lambda rise: rise.among)
    return "; ".join(f"{', '.join(map(str, some))} among {among}" for among, some in parts)


def _decision(report: GateReport, best_trial: int) -> str:
    match report.verdict:
        case Verdict.EXPORTED if not report.rises:
            return "exported; the gain is credible, no kind of critical error became more frequent"
        case Verdict.EXPORTED:
            return (
                "exported; the gain is credible, critical errors are no more in all, of one kind "
                f"or another more, not beyond chance ({_in_words(report.rises)}): "
                "read them with radtune compare"
            )
        case Verdict.MORE_CRITICAL_ERRORS:
            return f"{report.verdict}: {_in_words([r for r in report.rises if r.refuses])}"
        case _ if not best_trial:
            return f"{report.verdict}: no trial was better than the current weights"
        case _ if report.corrected.low <= 0:
            return f"{report.verdict}: its interval does not lie above 0"
        case _:
            return f"{report.verdict}: too few cases differ (McNemar p = {report.p_value:.2g})"
