"""``make bench-accuracy``: the engine beside what a user would pick instead, on unseen sites."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.baselines import SCORERS, Ranked, by_rapidfuzz, by_tfidf
from benchmarks.page import write_section
from engine.decision.decide import Status, decide
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners, rank_first
from objectives.cases.cases import dataset_files
from objectives.configuration import Configuration, load_configuration
from objectives.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from objectives.cases.cases import Case

_TUNING_STEP = 4  # thresholds of the baselines are set on every fourth tuning case


class Answers(NamedTuple):
    """What a method answers, and whether it stands by it.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_cases, top_k)
        From best to worst; -1 where there is none.
    accepted : ndarray of bool, shape (n_cases,)
    """

    rows: NDArray[np.int64]
    accepted: NDArray[np.bool_]


class Scores(NamedTuple):
    """The figures of one method on one set of cases; shares in [0, 1]."""

    n_answerable: int
    accuracy_at_1: float
    recall_at_25: float
    n_critical: int
    coverage: float
    n_critical_accepted: int
    decision_accuracy: float


def engine_answers(workspace: Workspace, config: Configuration, cases: Sequence[Case]) -> Answers:
    """Answer with the engine and the configured weights."""
    labelled = workspace.bank(cases)
    coefficients = effective_coefficients(config.weights)
    facts = labelled.facts()
    order, scores = rank_first(facts, coefficients, config.retriever_top_k)
    rows = np.where(np.isneginf(scores), -1, np.take_along_axis(facts.rows, order, axis=1))
    winners = find_winners(labelled, coefficients)
    decisions = decide(winners.evidence, config.calibration, config.decision)
    return Answers(rows.astype(np.int64), decisions.statuses == Status.MATCH)


def score(workspace: Workspace, cases: Sequence[Case], answers: Answers) -> Scores:
    """Score answers against the gold rows."""
    position = {row.preferred_name: i for i, row in enumerate(workspace.rows)}
    gold = np.array([position.get(case.gold or "", -1) for case in cases])
    keys = {row.key: number for number, row in enumerate(workspace.rows)}
    key_of_row = np.array([keys[row.key] for row in workspace.rows])
    answerable = gold >= 0
    right = (answers.rows >= 0) & answerable[:, None]
    right &= key_of_row[np.maximum(answers.rows, 0)] == key_of_row[np.maximum(gold, 0)][:, None]
    first = answers.rows[:, 0]
    critical = np.any(workspace.truth.critical(np.maximum(gold, 0), np.maximum(first, 0)), axis=-1)
    critical &= answerable & (first >= 0)
    decided = np.where(answerable, answers.accepted & right[:, 0], ~answers.accepted)
    return Scores(
        n_answerable=int(answerable.sum()),
        accuracy_at_1=float(right[answerable, 0].mean()),
        recall_at_25=float(right[answerable].any(axis=1).mean()),
        n_critical=int(critical.sum()),
        coverage=float(answers.accepted.mean()),
        n_critical_accepted=int((critical & answers.accepted).sum()),
        decision_accuracy=float(decided.mean()),
    )


def with_threshold(
    method: Callable[[Sequence[Case]], Ranked], workspace: Workspace, tuning: Sequence[Case]
) -> Callable[[Sequence[Case]], Answers]:
    """Give a baseline the acceptance threshold that decides most tuning cases rightly."""
    ranked = method(tuning)
    best_scores = ranked.scores[:, 0]
    thresholds = np.unique(
        np.quantile(best_scores[np.isfinite(best_scores)], np.linspace(0, 1, 101))
    )
    best = max(
        thresholds,
        key=lambda threshold: (
            score(
                workspace, tuning, Answers(ranked.rows, best_scores >= threshold)
            ).decision_accuracy
        ),
    )

    def answer(cases: Sequence[Case]) -> Answers:
        found = method(cases)
        return Answers(found.rows, found.scores[:, 0] >= best)

    return answer


def table(title: str, results: dict[str, Scores]) -> str:
    """Write one set's figures as a Markdown table."""
    n_cases = next(iter(results.values())).n_answerable
    lines = [
        f"### {title} ({n_cases:,} answerable cases)",
        "",
        "| method | accuracy@1 | recall@25 | critical errors | coverage | critical among accepted "
        "| decision accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, s in results.items():
        lines.append(
            f"| {name} | {s.accuracy_at_1:.3f} | {s.recall_at_25:.3f} | {s.n_critical} "
            f"| {s.coverage:.3f} | {s.n_critical_accepted} | {s.decision_accuracy:.3f} |"
        )
    return "\n".join(lines)


def targets(sets: dict[str, dict[str, Scores]]) -> str:
    """Say for each set whether the engine's lead is what it should be."""
    lines = [
        "| set | lead over the best baseline (target 15 points) | critical errors as a share of "
        "the fewest of a baseline (target 0.10) |",
        "|---|---|---|",
    ]
    for title, results in sets.items():
        engine, *baselines = results.values()
        lead = 100 * (engine.accuracy_at_1 - max(s.accuracy_at_1 for s in baselines))
        fewest = min(s.n_critical for s in baselines)
        share = engine.n_critical / fewest if fewest else float("nan")
        lines.append(f"| {title} | {lead:.1f} | {share:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every method on every set and write the section of the page."""
    config = load_configuration()
    workspace = Workspace(config)
    every = workspace.load_cases(dataset_files(config.data.training_dir)).cases
    tuning = [case for case in every if case.site in config.split.tuning]
    known = {case.exam_name.casefold() for case in tuning}
    gate = [case for case in every if case.site in config.split.gate]
    sets: dict[str, Sequence[Case]] = {
        "Sanity set": workspace.load_sanity().cases,
        **{f"Gate site {site}": [c for c in gate if c.site == site] for site in config.split.gate},
        "Gate sites, names that no tuning site has": [
            case for case in gate if case.exam_name.casefold() not in known
        ],
    }
    methods: dict[str, Callable[[Sequence[Case]], Ranked]] = {
        **{
            name: functools.partial(by_rapidfuzz, scorer, rows=workspace.rows)
            for name, scorer in SCORERS.items()
        },
        "TF-IDF": functools.partial(by_tfidf, rows=workspace.rows, with_code=False),
        "TF-IDF with the modality code": functools.partial(
            by_tfidf, rows=workspace.rows, with_code=True
        ),
    }
    answering = {
        name: with_threshold(method, workspace, tuning[::_TUNING_STEP])
        for name, method in methods.items()
    }
    results: dict[str, dict[str, Scores]] = {}
    for title, cases in sets.items():
        results[title] = {
            "RadTune, shipped weights": score(
                workspace, cases, engine_answers(workspace, config, cases)
            ),
            **{name: score(workspace, cases, answer(cases)) for name, answer in answering.items()},
        }
    text = "\n\n".join(
        [*(table(title, found) for title, found in results.items()), targets(results)]
    )
    write_section("bench-accuracy", text)
    print(text)


if __name__ == "__main__":
    main()
