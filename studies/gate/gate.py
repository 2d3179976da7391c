"""The gate: whether the best of a study is truly better, on sites it was not tuned on."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.decisions.decision_quality import count_critical
from objectives.metrics import accuracy_at_1
from studies.gate.paired_test import Interval, clusters_of, mcnemar_p_value, paired_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import GateSettings
    from objectives.decisions.decision_quality import CriticalErrors, DecisionMetrics


_FIRST_RANKED = "first-ranked rows"
_ACCEPTED = "accepted answers"
_ALL_KINDS = "all kinds"


class Verdict(StrEnum):
    """What the gate says about the best weights of a study."""

    EXPORTED = "exported"
    NO_CREDIBLE_GAIN = "no credible gain, current configuration kept"
    MORE_CRITICAL_ERRORS = "gain but more critical errors, current configuration kept"


class Rise(NamedTuple):
    """Critical errors that are more with the contender than with the current weights.

    Attributes
    ----------
    kind : str
        One of `CRITICAL_KINDS`; ``all kinds`` for the cases that are dangerous in any way.
    before, after : int
    among : str
        ``first-ranked rows`` or ``accepted answers``.
    refuses : bool
        Whether it forbids an export: among accepted answers, in all kinds together, or in one
        kind beyond chance.
    """

    kind: str
    before: int
    after: int
    among: str
    refuses: bool

    def __str__(self) -> str:
        """Return kind and counts, such as "side 2 -> 3"."""
        return f"{self.kind} {self.before} -> {self.after}"


class GateReport(NamedTuple):
    """Contender against current weights on the gate sites.

    Attributes
    ----------
    sites : tuple of str
    n_cases, n_clusters : int
        Answerable cases, and their different gold rows: what the bootstrap draws.
    baseline_accuracy_at_1, optimized_accuracy_at_1 : float
        In [0, 1].
    critical_errors_baseline, critical_errors_optimized : int
    critical_by_kind_baseline, critical_by_kind_optimized : dict
    difference : float
        Optimised less baseline accuracy@1.
    ci95 : Interval
        Of the difference, at the configured confidence (0.95 as shipped), for one look.
    look : int
        How many different weights this study has shown to the gate so far, with these.
    corrected : Interval
        Of the difference, at the confidence corrected for all looks.
    corrected_confidence : float
    p_value : float
        McNemar's exact test of the cases that only one of the two gets right, [0, 1].
    rises : tuple of Rise
        Kinds of critical errors that became more frequent.
    verdict : Verdict
    """

    sites: tuple[str, ...]
    n_cases: int
    n_clusters: int
    baseline_accuracy_at_1: float
    optimized_accuracy_at_1: float
    critical_errors_baseline: int
    critical_errors_optimized: int
    critical_by_kind_baseline: dict[str, int]
    critical_by_kind_optimized: dict[str, int]
    difference: float
    ci95: Interval
    look: int
    corrected: Interval
    corrected_confidence: float
    p_value: float
    rises: tuple[Rise, ...]
    verdict: Verdict


def hold_gate(
    gate: LabelledBank, current: Weights, best: Weights, settings: GateSettings, look: int
) -> GateReport:
    """Compare two sets of weights, case by case.

    A gain is credible when the lower end of the bootstrap interval (of whole gold rows, see
    `paired_test`) lies above 0 and McNemar's exact test agrees, both corrected for all looks:
    look k may spend 1 / (k (k + 1)) of the error probability, which sums to no more than the whole
    over any number of looks (alpha spending, a Bonferroni correction for an open end). The test
    guards the bootstrap where few cases differ.

    A credible gain is refused when more first-ranked rows are dangerous, all kinds together, or
    when one kind became more frequent beyond chance: McNemar's exact test of that kind, one-sided
    and, to be cautious, not corrected for looks or kinds. A smaller rise of one kind that others
    outweigh is reported. `judge_accepted` allows no rise at all among accepted answers.

    Parameters
    ----------
    gate : LabelledBank
        Answerable cases of the gate sites, at least one.
    current, best : Weights
    settings : GateSettings
    look : int
        1 for the first weights that this study shows to the gate.
    """
    before = find_winners(gate, effective_coefficients(current))
    after = find_winners(gate, effective_coefficients(best))
    gains = after.correct.astype(np.float64) - before.correct
    critical_before = count_critical(before.critical, gate.labels.answerable)
    critical_after = count_critical(after.critical, gate.labels.answerable)
    alpha = (1 - settings.confidence) / (look * (look + 1))
    clusters = clusters_of(gate)
    corrected = paired_interval(gains, clusters, settings, 1 - alpha)
    rises = _rises_of_first(before.critical, after.critical, 1 - settings.confidence)
    p_value = mcnemar_p_value(gains)
    if corrected.low <= 0 or p_value > alpha:
        verdict = Verdict.NO_CREDIBLE_GAIN
    elif any(rise.refuses for rise in rises):
        verdict = Verdict.MORE_CRITICAL_ERRORS
    else:
        verdict = Verdict.EXPORTED
    return GateReport(
        sites=tuple(sorted({case.site for case in gate.cases})),
        n_cases=len(gate.cases),
        n_clusters=len(np.unique(clusters)),
        baseline_accuracy_at_1=accuracy_at_1(before.correct, gate.labels.answerable),
        optimized_accuracy_at_1=accuracy_at_1(after.correct, gate.labels.answerable),
        critical_errors_baseline=critical_before.n_cases,
        critical_errors_optimized=critical_after.n_cases,
        critical_by_kind_baseline=critical_before.by_kind,
        critical_by_kind_optimized=critical_after.by_kind,
        difference=float(gains.mean()),
        ci95=paired_interval(gains, clusters, settings, settings.confidence),
        look=look,
        corrected=corrected,
        corrected_confidence=1 - alpha,
        p_value=p_value,
        rises=rises,
        verdict=verdict,
    )


def judge_accepted(
    report: GateReport, before: DecisionMetrics, after: DecisionMetrics
) -> GateReport:
    """Refuse an export that would accept more dangerous answers of any kind than are now.

    Parameters
    ----------
    report : GateReport
        On first-ranked rows.
    before, after : DecisionMetrics
        Decisions at the gate sites, each with its own calibration.
    """
    rises = _rises_of_accepted(before.critical_accepted, after.critical_accepted)
    is_refused = report.verdict is Verdict.EXPORTED and bool(rises)
    return report._replace(
        rises=report.rises + rises,
        verdict=Verdict.MORE_CRITICAL_ERRORS if is_refused else report.verdict,
    )


def _rises_of_first(
    before: NDArray[np.bool_], after: NDArray[np.bool_], alpha: float
) -> tuple[Rise, ...]:
    """Compare dangerous first-ranked rows, shape (n_cases, n_kinds)."""
    rises = [
        Rise(
            kind, int(old.sum()), int(new.sum()), _FIRST_RANKED, _is_beyond_chance(old, new, alpha)
        )
        for kind, old, new in zip(CRITICAL_KINDS, before.T, after.T, strict=True)
        if new.sum() > old.sum()
    ]
    n_before, n_after = (int(flags.any(axis=1).sum()) for flags in (before, after))
    if n_after > n_before:
        rises.append(Rise(_ALL_KINDS, n_before, n_after, _FIRST_RANKED, refuses=True))
    return tuple(rises)


def _is_beyond_chance(before: NDArray[np.bool_], after: NDArray[np.bool_], alpha: float) -> bool:
    gains = after.astype(np.float64) - before
    return mcnemar_p_value(gains, alternative="greater") <= alpha


def _rises_of_accepted(before: CriticalErrors, after: CriticalErrors) -> tuple[Rise, ...]:
    rises = [
        Rise(kind, before.by_kind[kind], n_cases, _ACCEPTED, refuses=True)
        for kind, n_cases in after.by_kind.items()
        if n_cases > before.by_kind[kind]
    ]
    if after.n_cases > before.n_cases:
        rises.append(Rise(_ALL_KINDS, before.n_cases, after.n_cases, _ACCEPTED, refuses=True))
    return tuple(rises)
