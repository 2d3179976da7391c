"""Compare two configurations, case by case: what is fixed, what is broken, what is dangerous."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.coefficients import Feature, effective_coefficients
from engine.decision import Status, decide
from engine.errors import ConfigurationError, InputFileError
from objectives.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.decision_quality import CriticalErrors, DecisionReport, report_decisions
from objectives.identifiers import mask
from objectives.risk_coverage import error_upper_bound
from objectives.scoring import find_winners
from objectives.truth import CRITICAL_KINDS
from objectives.workspace import Workspace
from studies.paired import Interval, mcnemar_p_value, paired_interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from objectives.cases import BadRecord
    from objectives.configuration import Configuration, GateSettings
    from objectives.labelled_bank import LabelledBank

_N_FEATURES_NAMED = 3


class Change(StrEnum):
    """What became of a case, the worst first."""

    ACCEPTED_CRITICAL = "newly accepted critical"
    ACCEPTED_WRONG = "newly accepted wrong"
    NEWLY_CRITICAL = "newly critical"
    BROKEN = "broken"
    NO_LONGER_CRITICAL = "no longer critical"
    FIXED = "fixed"


class ChangedCase(NamedTuple):
    """A case whose answer is right, dangerous or wrongly accepted under one of the two only.

    Attributes
    ----------
    change : Change
    exam_name, modality_code, site, gold : str
        What looks like a patient identifier is masked.
    answer_a, answer_b : str
        First-ranked rows; empty where there is none.
    status_a, status_b : str
    critical_a, critical_b : str
        Kinds in which the answers are dangerous; empty when they are not.
    decided_by : str
        Features whose weights moved the lead most from A's answer to B's, in score units.
    """

    change: Change
    exam_name: str
    modality_code: str
    site: str
    gold: str
    answer_a: str
    answer_b: str
    status_a: str
    status_b: str
    critical_a: str
    critical_b: str
    decided_by: str


class Difference(NamedTuple):
    """A share under A and B, and its paired difference, B less A.

    Attributes
    ----------
    a, b, difference : float
    interval : Interval
        Of the difference, at the configured confidence (0.95 as shipped).
    """

    a: float
    b: float
    difference: float
    interval: Interval


class CriticalCounts(NamedTuple):
    """Dangerous answers under A and under B.

    Attributes
    ----------
    first_ranked_a, first_ranked_b : CriticalErrors
        Among the first-ranked rows of the answerable cases.
    accepted_a, accepted_b : CriticalErrors
        Among the accepted answers.
    accepted_bound_a, accepted_bound_b : float
        One-sided upper bound of the share among accepted answers, [0, 1].
    difference : Difference
        Of the share of answerable cases whose first-ranked row is dangerous.
    """

    first_ranked_a: CriticalErrors
    first_ranked_b: CriticalErrors
    accepted_a: CriticalErrors
    accepted_b: CriticalErrors
    accepted_bound_a: float
    accepted_bound_b: float
    difference: Difference


class Part(NamedTuple):
    """Two configurations on the labelled cases of some sites; shares in [0, 1].

    Attributes
    ----------
    sites : tuple of str
    n_cases, n_answerable : int
        Labelled cases, and those with a gold row (at least one).
    accuracy_at_1 : Difference
        Over the answerable cases.
    p_value : float
        McNemar's exact test of it.
    coverage : Difference
        Share of the labelled cases that are accepted.
    critical : CriticalCounts
    decisions_a, decisions_b : DecisionReport
    """

    sites: tuple[str, ...]
    n_cases: int
    n_answerable: int
    accuracy_at_1: Difference
    p_value: float
    coverage: Difference
    critical: CriticalCounts
    decisions_a: DecisionReport
    decisions_b: DecisionReport


class Comparison(NamedTuple):
    """Two configurations on the same cases.

    Attributes
    ----------
    held_out : Part or None
        Sites that neither configuration was tuned on; None without an answerable case.
    in_sample : Part or None
        Tuning sites of either: a configuration that was tuned there looks better than it is.
    left_out : tuple of str
        Test sites of the split, which a comparison never opens.
    changed : list of ChangedCase
        Of all these sites, the worst change first.
    bad_records : tuple of BadRecord
    """

    held_out: Part | None
    in_sample: Part | None
    left_out: tuple[str, ...]
    changed: list[ChangedCase]
    bad_records: tuple[BadRecord, ...]


class _Answers(NamedTuple):
    """What one configuration answers to the cases."""

    config: Configuration
    labelled: LabelledBank
    rows: NDArray[np.int32]
    names: list[str]
    accepted: NDArray[np.bool_]
    statuses: NDArray[np.object_]
    correct: NDArray[np.bool_]
    critical: NDArray[np.bool_]
    report: DecisionReport


def compare(
    config_a: Path, config_b: Path, dataset_paths: Sequence[Path], dataset_dir: Path | None
) -> Comparison:
    """Answer the same cases under two configurations.

    The cases are the labelled ones of the files; sites that either configuration keeps for the
    final test are left out.

    Parameters
    ----------
    config_a, config_b : Path
    dataset_paths : sequence of Path
        Labelled files; when empty, every file of the training folder of A.
    dataset_dir : Path or None
        Another training folder than the configuration's.

    Raises
    ------
    RadTuneError
        When a file cannot be used, the catalogues differ, or no case with a gold row is left.
    """
    settings = [load_configuration(config_a), load_configuration(config_b)]
    folder = dataset_dir or settings[0].data.training_dir
    workspaces = [Workspace(config, folder) for config in settings]
    if len({workspace.catalogue_sha256 for workspace in workspaces}) > 1:
        raise ConfigurationError(
            f"{config_a} and {config_b} have different catalogues (data.catalogue); "
            "a comparison needs the same rows"
        )
    loaded = workspaces[0].load_cases(list(dataset_paths) or dataset_files(folder))
    test_sites = {site for config in settings for site in config.split.test}
    tuning_sites = {site for config in settings for site in config.split.tuning} - test_sites
    other_sites = {case.site for case in loaded.cases} - test_sites - tuning_sites
    banks = [workspace.bank(loaded.cases) for workspace in workspaces]
    found: list[Part | None] = []
    changed: list[ChangedCase] = []
    for sites in (other_sites, tuning_sites):
        labelled = [bank.at(sorted(sites)).labelled() for bank in banks]
        if not labelled[0].labels.answerable.any():
            found.append(None)
            continue
        a, b = map(_answer, settings, workspaces, labelled)
        found.append(_part(a, b))
        changed += _changed(a, b)
    held_out, in_sample = found
    if held_out is None and in_sample is None:
        raise InputFileError(
            "no case with a gold row (EXPECTED_NAME) outside the test sites of split.test; "
            "give other files with --dataset"
        )
    order = list(Change)
    return Comparison(
        held_out=held_out,
        in_sample=in_sample,
        left_out=tuple(sorted({case.site for case in loaded.cases} & test_sites)),
        changed=sorted(changed, key=lambda case: order.index(case.change)),
        bad_records=loaded.bad_records,
    )


def _answer(config: Configuration, workspace: Workspace, labelled: LabelledBank) -> _Answers:
    winners = find_winners(labelled, effective_coefficients(config.weights))
    decisions = decide(winners.evidence, config.calibration, config.decision)
    return _Answers(
        config=config,
        labelled=labelled,
        rows=winners.rows,
        names=[workspace.rows[row].preferred_name if row >= 0 else "" for row in winners.rows],
        accepted=decisions.statuses == Status.MATCH,
        statuses=decisions.statuses,
        correct=winners.correct,
        critical=winners.critical,
        report=report_decisions(config, labelled, workspace.truth),
    )


def _part(a: _Answers, b: _Answers) -> Part:
    labelled, answerable = a.labelled, a.labelled.labels.answerable
    gains = (b.correct.astype(np.float64) - a.correct)[answerable]
    overall = [answers.report.overall for answers in (a, b)]
    danger_a, danger_b = (
        np.logical_or.reduce(answers.critical, axis=1)[answerable] for answers in (a, b)
    )
    bound_a, bound_b = (
        float(
            error_upper_bound(
                np.array(of.critical_accepted.n_cases),
                np.array(of.n_accepted),
                a.config.decision.bound_confidence,
            )
        )
        for of in overall
    )
    return Part(
        sites=tuple(sorted({case.site for case in labelled.cases})),
        n_cases=len(labelled.cases),
        n_answerable=int(answerable.sum()),
        accuracy_at_1=_difference(a.correct[answerable], b.correct[answerable], a.config.gate),
        p_value=mcnemar_p_value(gains),
        coverage=_difference(a.accepted, b.accepted, a.config.gate),
        critical=CriticalCounts(
            overall[0].critical,
            overall[1].critical,
            overall[0].critical_accepted,
            overall[1].critical_accepted,
            bound_a,
            bound_b,
            _difference(danger_a, danger_b, a.config.gate),
        ),
        decisions_a=a.report,
        decisions_b=b.report,
    )


def _difference(
    before: NDArray[np.bool_], after: NDArray[np.bool_], settings: GateSettings
) -> Difference:
    gains = after.astype(np.float64) - before
    interval = paired_interval(gains, settings, settings.confidence)
    return Difference(float(before.mean()), float(after.mean()), float(gains.mean()), interval)


def _changed(a: _Answers, b: _Answers) -> list[ChangedCase]:
    """List the cases that matter, in their order."""
    changed = []
    for number, case in enumerate(a.labelled.cases):
        change = _change(*(_Fate.of(answers, number) for answers in (a, b)))
        if change is not None:
            changed.append(
                ChangedCase(
                    change=change,
                    exam_name=mask(case.exam_name),
                    modality_code=mask(case.modality_code),
                    site=case.site,
                    gold=case.gold or "",
                    answer_a=a.names[number],
                    answer_b=b.names[number],
                    status_a=str(a.statuses[number]),
                    status_b=str(b.statuses[number]),
                    critical_a=_kinds(a.critical[number]),
                    critical_b=_kinds(b.critical[number]),
                    decided_by=_decided_by(a, b, number),
                )
            )
    return changed


class _Fate(NamedTuple):
    """What became of one case under one configuration."""

    correct: bool
    accepted: bool
    critical: frozenset[int]

    @classmethod
    def of(cls, answers: _Answers, number: int) -> _Fate:
        return cls(
            bool(answers.correct[number]),
            bool(answers.accepted[number]),
            frozenset(np.flatnonzero(answers.critical[number]).tolist()),
        )

    @property
    def dangerous_accepted(self) -> frozenset[int]:
        return self.critical if self.accepted else frozenset()

    @property
    def wrong_accepted(self) -> bool:
        return self.accepted and not self.correct


def _change(a: _Fate, b: _Fate) -> Change | None:
    """Say what became of a case, the worst that holds."""
    holds = {
        Change.ACCEPTED_CRITICAL: bool(b.dangerous_accepted - a.dangerous_accepted),
        Change.ACCEPTED_WRONG: b.wrong_accepted and not a.wrong_accepted,
        Change.NEWLY_CRITICAL: bool(b.critical - a.critical),
        Change.BROKEN: a.correct and not b.correct,
        Change.NO_LONGER_CRITICAL: bool(a.critical - b.critical) and not b.correct,
        Change.FIXED: b.correct and not a.correct,
    }
    return next((change for change, is_so in holds.items() if is_so), None)


def _kinds(critical: NDArray[np.bool_]) -> str:
    return ", ".join(kind for kind, is_so in zip(CRITICAL_KINDS, critical, strict=True) if is_so)


def _decided_by(a: _Answers, b: _Answers, number: int) -> str:
    """Name the features whose weights moved the lead most from A's answer to B's.

    The facts are B's; where A's answer is no candidate under B, retrieval decided.
    """
    bank, case = b.labelled.bank, b.labelled.chosen[number]
    candidates = bank.rows[case].tolist()
    row_a, row_b = int(a.rows[number]), int(b.rows[number])
    if row_a not in candidates or row_b not in candidates:
        return "candidates"
    features = bank.features[case]
    lead = features[candidates.index(row_b)] - features[candidates.index(row_a)]
    moved = lead * (
        effective_coefficients(b.config.weights) - effective_coefficients(a.config.weights)
    )
    first = np.argsort(-moved, kind="stable")[:_N_FEATURES_NAMED]
    named = [f"{Feature(i).name.lower()} {moved[i]:+.4f}" for i in first if moved[i] > 0]
    return ", ".join(named)
