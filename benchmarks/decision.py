"""``make bench-decision``: what calibrated answers are worth on sites they were not fitted on."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz import fuzz
from sklearn.linear_model import LogisticRegression

from benchmarks.baselines import Ranked, by_rapidfuzz, by_tfidf
from benchmarks.page import write_section
from benchmarks.pictures import draw_reliability, draw_risk_coverage
from engine.decision.decide import decide, may_be_accepted
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners
from objectives.cases.cases import dataset_files
from objectives.configuration import Configuration, load_configuration
from objectives.decisions.calibration_error import Reliability, reliability
from objectives.decisions.risk_coverage import (
    CurvePoint,
    error_upper_bound,
    largest_coverage,
    risk_coverage,
    smallest_threshold,
)
from objectives.workspace import Workspace
from studies import OptimizationConfig, TrainingOptimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.cases.cases import Case

_TARGET_COVERAGE = 0.80
_TARGET_NOT_ACCEPTED = 0.95
_TARGET_CALIBRATION_ERROR = 0.03


class Judged(NamedTuple):
    """The answers of one method to the gate cases, and its accept threshold.

    Attributes
    ----------
    confidences : ndarray of float64, shape (n_cases,)
    right, critical, acceptable : ndarray of bool, shape (n_cases,)
        `critical` is False where there is no gold row to compare with.
    threshold : float
        Found on the tuning sites; above 1 when none meets the target there.
    """

    confidences: NDArray[np.float64]
    right: NDArray[np.bool_]
    critical: NDArray[np.bool_]
    acceptable: NDArray[np.bool_]
    threshold: float


class Figures(NamedTuple):
    """What is printed of one method."""

    curve: list[CurvePoint]
    at_target: CurvePoint | None
    bounded: CurvePoint | None
    reliability: Reliability
    n_accepted: int
    coverage: float
    n_wrong: int
    error_bound: float
    n_critical: int
    critical_bound: float
    not_accepted: float


def engine_answers(config: Configuration, gate: LabelledBank) -> Judged:
    """Answer with a configuration and its own calibration and threshold."""
    winners = find_winners(gate, effective_coefficients(config.weights))
    threshold = config.calibration.accept_threshold
    return Judged(
        decide(winners.evidence, config.calibration, config.decision).confidences,
        winners.correct,
        np.logical_or.reduce(winners.critical, axis=1),
        may_be_accepted(winners.evidence),
        2.0 if threshold is None else threshold,
    )


def tuned(config: Configuration) -> Configuration:
    """Return the configuration that ``make optimize`` would export from here."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "optimized.yaml")
        options = OptimizationConfig(
            storage=f"sqlite:///{Path(folder, 'studies.db')}", output=output
        )
        found = TrainingOptimizer(options).optimize()
        return load_configuration(output) if found.output else config


def baseline_answers(
    method: Callable[[Sequence[Case]], Ranked],
    workspace: Workspace,
    config: Configuration,
    tuning: Sequence[Case],
    gate: Sequence[Case],
) -> Judged:
    """Calibrate a plain matcher in the same way: score and root of the margin, by site."""
    on_tuning, on_gate = method(tuning), method(gate)
    inputs, right = _inputs(on_tuning), _right(on_tuning, workspace, tuning)
    sites = np.array([case.site for case in tuning])
    confidences = np.zeros(len(tuning))
    for site in np.unique(sites):
        fitted = _fit(inputs[sites != site], right[sites != site])
        confidences[sites == site] = fitted(inputs[sites == site])
    settings = config.decision
    acceptable = np.ones(len(tuning), dtype=np.bool_)
    curve = risk_coverage(confidences, right, acceptable, settings.bound_confidence)
    point = smallest_threshold(
        curve,
        settings.target_error_rate,
        [(confidences[sites == site], right[sites == site]) for site in np.unique(sites)],
    )
    return Judged(
        _fit(inputs, right)(_inputs(on_gate)),
        _right(on_gate, workspace, gate),
        _critical(on_gate, workspace, gate),
        np.ones(len(gate), dtype=np.bool_),
        point.threshold if point else 2.0,
    )


def _fit(
    inputs: NDArray[np.float64], right: NDArray[np.bool_]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(inputs, right)
    return lambda asked: fitted.predict_proba(asked)[:, 1]


def _inputs(ranked: Ranked) -> NDArray[np.float64]:
    """Return score and root of the margin, scores as a share of the best possible one."""
    best, second = np.nan_to_num(ranked.scores[:, :2], neginf=0.0).T
    scale = 100.0 if ranked.scores.max() > 1.5 else 1.0  # noqa: PLR2004 - rapidfuzz: per cent
    return np.column_stack([best / scale, np.sqrt((best - second) / scale)])


def _gold(workspace: Workspace, cases: Sequence[Case]) -> NDArray[np.int64]:
    position = {row.preferred_name: i for i, row in enumerate(workspace.rows)}
    return np.array([position.get(case.gold or "", -1) for case in cases])


def _right(ranked: Ranked, workspace: Workspace, cases: Sequence[Case]) -> NDArray[np.bool_]:
    keys = [row.key for row in workspace.rows]
    pairs = zip(ranked.rows[:, 0], _gold(workspace, cases), strict=True)
    return np.array(
        [answer >= 0 and gold >= 0 and keys[answer] == keys[gold] for answer, gold in pairs]
    )


def _critical(ranked: Ranked, workspace: Workspace, cases: Sequence[Case]) -> NDArray[np.bool_]:
    gold, first = _gold(workspace, cases), ranked.rows[:, 0]
    dangers = workspace.truth.critical(np.maximum(gold, 0), np.maximum(first, 0))
    critical: NDArray[np.bool_] = np.any(dangers, axis=-1) & (gold >= 0) & (first >= 0)
    return critical


def measure(judged: Judged, answerable: NDArray[np.bool_], config: Configuration) -> Figures:
    """Measure one method on the gate cases."""
    settings = config.decision
    curve = risk_coverage(
        judged.confidences, judged.right, judged.acceptable, settings.bound_confidence
    )
    accepted = judged.acceptable & (judged.confidences >= judged.threshold)
    bounded = [point for point in curve if point.upper_bound < settings.target_error_rate]

    def bound(count: int) -> float:
        n_accepted = np.array(accepted.sum())
        return float(error_upper_bound(np.array(count), n_accepted, settings.bound_confidence))

    n_wrong = int((accepted & ~judged.right).sum())
    n_critical = int((accepted & judged.critical).sum())
    return Figures(
        curve=curve,
        at_target=largest_coverage(curve, settings.target_error_rate),
        bounded=max(bounded, key=lambda point: point.coverage, default=None),
        reliability=reliability(judged.confidences, judged.right),
        n_accepted=int(accepted.sum()),
        coverage=float(accepted.mean()),
        n_wrong=n_wrong,
        error_bound=bound(n_wrong),
        n_critical=n_critical,
        critical_bound=bound(n_critical),
        not_accepted=1 - float(accepted[~answerable].mean()),
    )


def table(found: dict[str, Figures], n_cases: int) -> str:
    """Write the figures as two Markdown tables."""
    lines = [
        f"{n_cases:,} cases of the gate sites, unanswerable ones included. The curves of this "
        "table choose thresholds on these very cases: what the confidences could do.",
        "",
        "| method | coverage at 1% error | its error's upper bound | coverage where the upper "
        "bound is below 1% | calibration error | Brier score |",
        "|---|---|---|---|---|---|",
    ]
    for name, f in found.items():
        at = f.at_target
        lines.append(
            f"| {name} | {at.coverage if at else 0:.3f} | {_percent(at and at.upper_bound)} "
            f"| {f.bounded.coverage if f.bounded else 0:.3f} "
            f"| {f.reliability.expected_calibration_error:.3f} "
            f"| {f.reliability.brier_score:.3f} |"
        )
    lines += [
        "",
        "At the threshold that the tuning sites gave (out of fold: upper bound of the error below "
        "1%, and at most 1% at each site):",
        "",
        "| method | accepted | error (upper bound) | critical errors among accepted (upper bound "
        "of the share) | per 10,000 cases | unanswerable not accepted |",
        "|---|---|---|---|---|---|",
    ]
    for name, f in found.items():
        lines.append(
            f"| {name} | {f.n_accepted:,} ({f.coverage:.1%}) "
            f"| {f.n_wrong / max(f.n_accepted, 1):.2%} ({f.error_bound:.2%}) "
            f"| {f.n_critical} ({f.critical_bound:.2%}) | {1e4 * f.n_critical / n_cases:.1f} "
            f"| {f.not_accepted:.1%} |"
        )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def targets(found: dict[str, Figures]) -> str:
    """Say which targets hold for the engine."""
    lines = ["| target | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    rows: list[tuple[str, Callable[[Figures], bool]]] = [
        (
            f"coverage at 1% error at least {_TARGET_COVERAGE:.2f}",
            lambda f: f.at_target is not None and f.at_target.coverage >= _TARGET_COVERAGE,
        ),
        (
            f"calibration error at most {_TARGET_CALIBRATION_ERROR}",
            lambda f: f.reliability.expected_calibration_error <= _TARGET_CALIBRATION_ERROR,
        ),
        (
            f"unanswerable not accepted at least {_TARGET_NOT_ACCEPTED:.0%}",
            lambda f: f.not_accepted >= _TARGET_NOT_ACCEPTED,
        ),
        ("no critical error among accepted", lambda f: f.n_critical == 0),
    ]
    for text, holds in rows:
        cells = ("holds" if holds(f) else "missed" for f in found.values())
        lines.append(f"| {text} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every method on the gate sites; write the section of the page and two pictures."""
    config = load_configuration()
    workspace = Workspace(config)
    every = workspace.bank(workspace.load_cases(dataset_files(config.data.training_dir)).cases)
    tuning = every.at(config.split.tuning).labelled()
    gate = every.at(config.split.gate).labelled()
    methods: dict[str, Callable[[Sequence[Case]], Ranked]] = {
        "rapidfuzz token_set_ratio": functools.partial(
            by_rapidfuzz, fuzz.token_set_ratio, rows=workspace.rows
        ),
        "TF-IDF with the modality code": functools.partial(
            by_tfidf, rows=workspace.rows, with_code=True
        ),
    }
    judged = {
        "RadTune, shipped weights": engine_answers(config, gate),
        "RadTune, after `make optimize`": engine_answers(tuned(config), gate),
        **{
            name: baseline_answers(method, workspace, config, tuning.cases, gate.cases)
            for name, method in methods.items()
        },
    }
    found = {
        name: measure(answers, gate.labels.answerable, config) for name, answers in judged.items()
    }
    engine = {name: figures for name, figures in found.items() if name.startswith("RadTune")}
    text = f"{table(found, len(gate.cases))}\n\n{targets(engine)}"
    write_section("bench-decision", text)
    print(text)
    draw_risk_coverage({name: figures.curve for name, figures in found.items()})
    draw_reliability({name: figures.reliability for name, figures in found.items()})


if __name__ == "__main__":
    main()
