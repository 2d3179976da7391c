"""Compare two configurations, case by case: what is fixed, what is broken, what is dangerous."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.coefficients import Feature, effective_coefficients
from engine.decision import Status, decide
from engine.errors import InputFileError
from objectives.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.decision_quality import DecisionReport, report_decisions
from objectives.identifiers import mask
from objectives.scoring import find_winners
from objectives.truth import CRITICAL_KINDS
from objectives.workspace import Workspace
from studies.paired import Interval, mcnemar_p_value, paired_interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from objectives.cases import BadRecord, Case
    from objectives.configuration import Configuration
    from objectives.labelled_bank import LabelledBank

_N_FEATURES_NAMED = 3


class Change(StrEnum):
    """What became of a case, the worst first."""

    NEWLY_CRITICAL = "newly critical"
    BROKEN = "broken"
    NO_LONGER_CRITICAL = "no longer critical"
    FIXED = "fixed"


class ChangedCase(NamedTuple):
    """A case that the two configurations answer differently.

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


class Comparison(NamedTuple):
    """Two configurations on the same cases; shares in [0, 1].

    Attributes
    ----------
    sites : tuple of str
    left_out : tuple of str
        Test sites of the split, which a comparison never opens.
    n_cases, n_answerable : int
        Labelled cases, and those with a gold row.
    accuracy_at_1 : Difference
        Over the answerable cases.
    p_value : float
        McNemar's exact test of it.
    coverage : Difference
        Share of the labelled cases that are accepted.
    critical : dict of str to Difference
        Kind to the share of answerable cases whose answer is dangerous in that way; ``any`` too.
    critical_accepted : dict of str to Difference
        The same for accepted answers only.
    decisions_a, decisions_b : DecisionReport
    changed : list of ChangedCase
        Newly critical ones first, then broken, no longer critical, fixed.
    bad_records : tuple of BadRecord
    """

    sites: tuple[str, ...]
    left_out: tuple[str, ...]
    n_cases: int
    n_answerable: int
    accuracy_at_1: Difference
    p_value: float
    coverage: Difference
    critical: dict[str, Difference]
    critical_accepted: dict[str, Difference]
    decisions_a: DecisionReport
    decisions_b: DecisionReport
    changed: list[ChangedCase]
    bad_records: tuple[BadRecord, ...]


class _Answers(NamedTuple):
    """What one configuration answers to the cases."""

    config: Configuration
    labelled: LabelledBank
    rows: NDArray[np.int32]
    names: list[str]
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
        When a file cannot be used, or no case with a gold row is left.
    """
    settings = [load_configuration(config_a), load_configuration(config_b)]
    folder = dataset_dir or settings[0].data.training_dir
    workspaces = [Workspace(config, folder) for config in settings]
    loaded = workspaces[0].load_cases(list(dataset_paths) or dataset_files(folder))
    test_sites = {site for config in settings for site in config.split.test}
    sites = sorted({case.site for case in loaded.cases} - test_sites)
    if not any(case.gold and case.site in sites for case in loaded.cases):
        raise InputFileError(
            "no case with a gold row (EXPECTED_NAME) outside the test sites of split.test; "
            "give other files with --dataset"
        )
    a, b = (
        _answer(config, workspace, workspace.bank(loaded.cases).at(sites).labelled())
        for config, workspace in zip(settings, workspaces, strict=True)
    )
    cases, answerable = a.labelled.cases, a.labelled.labels.answerable

    def difference(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Difference:
        gains = after.astype(np.float64) - before
        interval = paired_interval(gains, settings[0].gate, settings[0].gate.confidence)
        return Difference(float(before.mean()), float(after.mean()), float(gains.mean()), interval)

    gains = (b.correct.astype(np.float64) - a.correct)[answerable]
    accepted = [answers.statuses == Status.MATCH for answers in (a, b)]
    danger = [_with_any(answers.critical) for answers in (a, b)]
    return Comparison(
        sites=tuple(sorted({case.site for case in cases})),
        left_out=tuple(sorted({case.site for case in loaded.cases} & test_sites)),
        n_cases=len(cases),
        n_answerable=int(answerable.sum()),
        accuracy_at_1=difference(a.correct[answerable], b.correct[answerable]),
        p_value=mcnemar_p_value(gains),
        coverage=difference(*accepted),
        critical={
            kind: difference(danger[0][kind][answerable], danger[1][kind][answerable])
            for kind in danger[0]
        },
        critical_accepted={
            kind: difference(danger[0][kind] & accepted[0], danger[1][kind] & accepted[1])
            for kind in danger[0]
        },
        decisions_a=a.report,
        decisions_b=b.report,
        changed=_changed(cases, a, b),
        bad_records=loaded.bad_records,
    )


def _with_any(critical: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    by_kind = dict(zip(CRITICAL_KINDS, critical.T, strict=True))
    return {"any": np.logical_or.reduce(critical, axis=1), **by_kind}


def _answer(config: Configuration, workspace: Workspace, labelled: LabelledBank) -> _Answers:
    winners = find_winners(labelled, effective_coefficients(config.weights))
    rows = winners.rows
    return _Answers(
        config=config,
        labelled=labelled,
        rows=rows,
        names=[workspace.rows[row].preferred_name if row >= 0 else "" for row in rows],
        statuses=decide(winners.evidence, config.calibration, config.decision).statuses,
        correct=winners.correct,
        critical=winners.critical,
        report=report_decisions(config, labelled, workspace.truth),
    )


def _changed(cases: Sequence[Case], a: _Answers, b: _Answers) -> list[ChangedCase]:
    """List the cases that matter, the worst change first, in the order of the cases."""
    changed = []
    critical_a, critical_b = (np.logical_or.reduce(x.critical, axis=1) for x in (a, b))
    for number, case in enumerate(cases):
        change = _change(
            critical=(bool(critical_a[number]), bool(critical_b[number])),
            correct=(bool(a.correct[number]), bool(b.correct[number])),
        )
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
    order = list(Change)
    return sorted(changed, key=lambda case: order.index(case.change))


def _change(*, critical: tuple[bool, bool], correct: tuple[bool, bool]) -> Change | None:
    """Say what became of a case, from what holds under A and under B."""
    if critical == (False, True):
        return Change.NEWLY_CRITICAL
    if correct == (True, False):
        return Change.BROKEN
    if correct == (False, True):
        return Change.FIXED
    return Change.NO_LONGER_CRITICAL if critical == (True, False) else None


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
