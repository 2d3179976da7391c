"""Write what decisions are worth as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from objectives.decisions.calibration_error import Reliability
    from objectives.decisions.decision_quality import DecisionReport


def decision_lines(report: DecisionReport) -> list[str]:
    """Return coverage, error and critical errors of a report, a line each, indented."""
    all_cases, critical = report.overall, report.overall.critical_accepted
    calibrated = report.reliability
    lines = [
        f"  accepted: {all_cases.n_accepted:,} of {all_cases.n_cases:,} "
        f"({all_cases.coverage:.1%}), error {all_cases.error_rate:.2%} "
        f"(upper bound {all_cases.error_upper_bound:.2%})",
        f"  critical errors among accepted: {critical.n_cases} ({kinds(critical.by_kind)})",
        f"  calibration error {calibrated.expected_calibration_error:.3f}, "
        f"Brier score {calibrated.brier_score:.3f}",
    ]
    if all_cases.unanswerable_not_accepted is not None:
        lines.append(
            f"  names without a right row that are not accepted: "
            f"{all_cases.unanswerable_not_accepted:.1%}"
        )
    if report.set_holds_gold is not None:
        lines.append(
            f"  AMBIGUOUS sets that hold the right row: {report.set_holds_gold:.1%} "
            f"(stated {report.set_stated_probability:.1%})"
        )
    return lines


def reliability_lines(calibrated: Reliability) -> list[str]:
    """Return the reliability table, a line a bin that holds a case."""
    return [
        "confidence     cases  stated  right",
        *(
            f"{bin_.low:.1f} to {bin_.high:.1f}  {bin_.n_cases:8,}   {bin_.mean_confidence:.3f}"
            f"  {bin_.share_right:.3f}"
            for bin_ in calibrated.bins
            if bin_.n_cases
        ),
    ]


def changed_kinds(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Write the kinds that occur before or after, such as " (side 2 -> 3)"; empty of none."""
    found = [
        f"{kind} {n_cases} -> {after[kind]}"
        for kind, n_cases in before.items()
        if n_cases or after[kind]
    ]
    return f" ({', '.join(found)})" if found else ""


def kinds(by_kind: Mapping[str, int]) -> str:
    """Write the kinds of critical errors with their counts, such as "side 0, modality 1"."""
    return ", ".join(f"{kind} {n_cases}" for kind, n_cases in by_kind.items())
