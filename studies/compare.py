"""Compare two configurations, case by case: what is fixed, what is broken, what is dangerous."""

from __future__ import annotations

from enum import StrEnum
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.decide import Status, decide
from engine.ranking.coefficients import effective_coefficients
from engine.ranking.weights import Feature
from objectives.bank.scoring import find_winners
from objectives.cases.cases import dataset_files
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.configuration import load_configuration
from objectives.decisions.decision_quality import DecisionReport, report_decided
from objectives.decisions.risk_coverage import error_upper_bound
from objectives.workspace import Workspace
from studies.gate.paired_test import Interval, clusters_of, mcnemar_p_value, paired_interval
from support.errors import ConfigurationError, InputFileError
from support.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.bank.scoring import Winners
    from objectives.cases.cases import BadRecord
    from objectives.configuration import Configuration, GateSettings

_N_FEATURES_NAMED = 3


class Change(StrEnum):
    """What became of a case, the worst first."""

    NEWLY_ACCEPTED_CRITICAL = "newly accepted critical"
    NEWLY_ACCEPTED_WRONG = "newly accepted wrong"
    NEWLY_CRITICAL = "newly critical"
    BROKEN = "broken"
    NO_LONGER_CRITICAL = "no longer critical"
    FIXED = "fixed"


class Verdict(NamedTuple):
    """What holds of one configuration's answer to a case.

    Attributes
    ----------
    correct : bool
        Whether the first-ranked row is the gold row.
    kinds : tuple of str
        Ways in which it is dangerous.
    accepted : bool
        Whether the answer is a MATCH.
    """

    correct: bool
    kinds: tuple[str, ...]
    accepted: bool


class ChangedCase(NamedTuple):
    """A case that B makes worse or better than A: another first-ranked row, or a decision.

    A wrong answer that B newly accepts is listed even where both rank the same row first; an
    answer that B only no longer accepts is not.

    Attributes
    ----------
    change : Change
        The worst that holds.
    exam_name, modality_code, site, gold : str
        What looks like a patient identifier is masked.
    answer_a, answer_b : str
        First-ranked rows; empty where there is none.
    status_a, status_b : str
    critical_a, critical_b : str
        Kinds in which the answers are dangerous; empty when they are not.
    decided_by : str
        Features whose weights moved the lead most from A's answer to B's, in score units;
        ``candidates`` where retrieval decided, ``confidence`` where the answer is the same row.
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
        Of the difference, at the configured confidence (0.95 as shipped): a bootstrap over gold
        rows, and over exam names where there is no gold row; see `clusters_of`.
    """

    a: float
    b: float
    difference: float
    interval: Interval


class AcceptedCritical(NamedTuple):
    """Dangerous answers among the accepted ones; a case may count for several kinds.

    Attributes
    ----------
    n_accepted : int
    n_cases : int
        Accepted answers that are dangerous in at least one way.
    by_kind : dict
        Kind to the number of cases.
    share : float
        Of the accepted answers, [0, 1]; 0 of none.
    upper_bound : float
        One-sided Clopper-Pearson bound of it at ``decision.bound_confidence``; 1 of none.
    """

    n_accepted: int
    n_cases: int
    by_kind: dict[str, int]
    share: float
    upper_bound: float


class ComparedSites(NamedTuple):
    """Two configurations on the cases of some sites; shares in [0, 1].

    Attributes
    ----------
    sites : tuple of str
    n_cases, n_answerable : int
        Labelled cases, and those with a gold row.
    accuracy_at_1 : Difference or None
        Over the answerable cases; None of none.
    p_value : float
        McNemar's exact test of it; 1 of none.
    coverage : Difference
        Share of the labelled cases that are accepted.
    critical : Difference or None
        Share of the answerable cases whose first-ranked row is dangerous in any way; None of none.
    critical_accepted_a, critical_accepted_b : AcceptedCritical
    decisions_a, decisions_b : DecisionReport
        Critical errors by kind among the first-ranked rows are in ``overall.critical``.
    """

    sites: tuple[str, ...]
    n_cases: int
    n_answerable: int
    accuracy_at_1: Difference | None
    p_value: float
    coverage: Difference
    critical: Difference | None
    critical_accepted_a: AcceptedCritical
    critical_accepted_b: AcceptedCritical
    decisions_a: DecisionReport
    decisions_b: DecisionReport


class Comparison(NamedTuple):
    """Two configurations on the same cases.

    Attributes
    ----------
    in_sample : ComparedSites or None
        Sites that at least one of the configurations was tuned on; None without cases.
    held_out : ComparedSites or None
        The other sites; None without cases.
    left_out : tuple of str
        Test sites of the split, which a comparison never opens.
    changed : list of ChangedCase
        Of all sites, in the order of `Change`.
    bad_records : tuple of BadRecord
    """

    in_sample: ComparedSites | None
    held_out: ComparedSites | None
    left_out: tuple[str, ...]
    changed: list[ChangedCase]
    bad_records: tuple[BadRecord, ...]


class _Answers(NamedTuple):
    """What one configuration answers to the cases."""

    config: Configuration
    labelled: LabelledBank
    winners: Winners
    names: list[str]
    statuses: NDArray[np.object_]
    report: DecisionReport

    @property
    def accepted(self) -> NDArray[np.bool_]:
        accepted: NDArray[np.bool_] = self.statuses == Status.MATCH
        return accepted

    def verdicts(self) -> Iterator[Verdict]:
        """Yield the verdict on every case."""
        for correct, critical, accepted in zip(
            self.winners.correct, self.winners.critical, self.accepted, strict=True
        ):
            kinds = tuple(compress(CRITICAL_KINDS, critical))
            yield Verdict(bool(correct), kinds, bool(accepted))


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
    if workspaces[0].catalogue_sha256 != workspaces[1].catalogue_sha256:
        raise ConfigurationError(
            f"data.catalogue differs: {settings[0].data.catalogue} in {config_a}, "
            f"{settings[1].data.catalogue} in {config_b}; answers compare within one catalogue "
            "only: name the same file in both"
        )
    loaded = workspaces[0].load_cases(list(dataset_paths) or dataset_files(folder))
    labelled_sites = {case.site for case in loaded.cases if case.has_gold}
    sites = labelled_sites - set(settings[1].split.test)
    left_out = {*loaded.held_back, *(labelled_sites - sites)}
    if not any(case.gold and case.site in sites for case in loaded.cases):
        raise InputFileError(
            "no case with a gold row (EXPECTED_NAME) outside the test sites "
            f"{', '.join(sorted(left_out)) or 'of split.test'}; "
            "give other files with --dataset, or take the site out of split.test"
        )
    judged = [workspace.bank(loaded.cases).labelled() for workspace in workspaces]

    def answers_at(some: set[str]) -> tuple[_Answers, ...]:
        """Return the answers of A and of B; empty without cases."""
        if not any(case.site in some for case in judged[0].cases):
            return ()
        return tuple(
            _answer(config, workspace, labelled.at(sorted(some)))
            for config, workspace, labelled in zip(settings, workspaces, judged, strict=True)
        )

    tuned_on = {site for config in settings for site in config.split.tuning}
    in_sample, held_out = answers_at(sites & tuned_on), answers_at(sites - tuned_on)
    changed = [case for pair in (in_sample, held_out) if pair for case in _changed(*pair)]
    order = list(Change)
    return Comparison(
        in_sample=_compare_sites(*in_sample) if in_sample else None,
        held_out=_compare_sites(*held_out) if held_out else None,
        left_out=tuple(sorted(left_out)),
        changed=sorted(changed, key=lambda case: order.index(case.change)),
        bad_records=loaded.bad_records,
    )


def _answer(config: Configuration, workspace: Workspace, labelled: LabelledBank) -> _Answers:
    winners = find_winners(labelled, effective_coefficients(config.weights))
    decisions = decide(winners.evidence, config.calibration, config.decision)
    names = [workspace.rows[row].preferred_name if row >= 0 else "" for row in winners.rows]
    report = report_decided(config.decision, labelled, workspace.truth, winners, decisions)
    return _Answers(config, labelled, winners, names, decisions.statuses, report)


def _compare_sites(a: _Answers, b: _Answers) -> ComparedSites:
    """Measure the answers of A and B to the same cases, at least one."""
    answerable = a.labelled.labels.answerable
    gate = a.config.gate
    every = clusters_of(a.labelled)
    of_answerable = clusters_of(a.labelled.answerable())
    correct_a, correct_b = (x.winners.correct[answerable] for x in (a, b))
    critical_a, critical_b = (
        np.logical_or.reduce(x.winners.critical[answerable], axis=1) for x in (a, b)
    )
    return ComparedSites(
        sites=tuple(sorted({case.site for case in a.labelled.cases})),
        n_cases=len(a.labelled.cases),
        n_answerable=int(answerable.sum()),
        accuracy_at_1=_difference(correct_a, correct_b, of_answerable, gate)
        if answerable.any()
        else None,
        p_value=mcnemar_p_value(correct_b.astype(np.float64) - correct_a),
        coverage=_difference(a.accepted, b.accepted, every, gate),
        critical=_difference(critical_a, critical_b, of_answerable, gate)
        if answerable.any()
        else None,
        critical_accepted_a=_accepted_critical(a),
        critical_accepted_b=_accepted_critical(b),
        decisions_a=a.report,
        decisions_b=b.report,
    )


def _difference(
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    clusters: NDArray[np.intp],
    gate: GateSettings,
) -> Difference:
    """Compare what holds of at least one case."""
    gains = after.astype(np.float64) - before
    interval = paired_interval(gains, clusters, gate, gate.confidence)
    return Difference(float(before.mean()), float(after.mean()), float(gains.mean()), interval)


def _accepted_critical(answers: _Answers) -> AcceptedCritical:
    overall = answers.report.overall
    found = overall.critical_accepted
    bound = error_upper_bound(
        np.array(found.n_cases),
        np.array(overall.n_accepted),
        answers.config.decision.bound_confidence,
    )
    return AcceptedCritical(overall.n_accepted, *found, upper_bound=float(bound))


def _changed(a: _Answers, b: _Answers) -> Iterator[ChangedCase]:
    """Yield the cases that matter, in the order of the cases."""
    verdicts = zip(a.verdicts(), b.verdicts(), strict=True)
    for number, (case, (of_a, of_b)) in enumerate(zip(a.labelled.cases, verdicts, strict=True)):
        change = change_between(of_a, of_b)
        if change is not None:
            yield ChangedCase(
                change=change,
                exam_name=mask(case.exam_name),
                modality_code=mask(case.modality_code),
                site=case.site,
                gold=case.gold or "",
                answer_a=a.names[number],
                answer_b=b.names[number],
                status_a=str(a.statuses[number]),
                status_b=str(b.statuses[number]),
                critical_a=", ".join(of_a.kinds),
                critical_b=", ".join(of_b.kinds),
                decided_by=_decided_by(a, b, number),
            )


def change_between(a: Verdict, b: Verdict) -> Change | None:
    """Say what became of a case from A to B, the worst that holds; None when nothing did.

    A kind of danger that A did not show is new, whatever A showed besides.
    """
    accepted_kinds_a = a.kinds if a.accepted else ()
    if b.accepted and set(b.kinds) - set(accepted_kinds_a):
        return Change.NEWLY_ACCEPTED_CRITICAL
    if b.accepted and not b.correct and not (a.accepted and not a.correct):
        return Change.NEWLY_ACCEPTED_WRONG
    if set(b.kinds) - set(a.kinds):
        return Change.NEWLY_CRITICAL
    if a.correct != b.correct:
        return Change.FIXED if b.correct else Change.BROKEN
    return Change.NO_LONGER_CRITICAL if a.kinds and not b.kinds else None


def _decided_by(a: _Answers, b: _Answers, number: int) -> str:
    """Name the features whose weights moved the lead most from A's answer to B's.

    The facts are B's; where A's answer is no candidate under B, retrieval decided, and where both
    answer the same row, only its confidence can have moved.
    """
    bank, case = b.labelled.bank, b.labelled.chosen[number]
    candidates = bank.rows[case].tolist()
    row_a, row_b = int(a.winners.rows[number]), int(b.winners.rows[number])
    if row_a == row_b:
        return "confidence"
    if row_a not in candidates or row_b not in candidates:
        return "candidates"
    features = bank.features[case]
    lead = features[candidates.index(row_b)] - features[candidates.index(row_a)]
    moved = lead * (
        effective_coefficients(b.config.weights) - effective_coefficients(a.config.weights)
    )
    first = np.argsort(-moved, kind="stable")[:_N_FEATURES_NAMED]
    names = [feature.name.lower() for feature in Feature]
    named = [f"{names[i]} {moved[i]:+.4f}" for i in first if moved[i] > 0]
    return ", ".join(named)
