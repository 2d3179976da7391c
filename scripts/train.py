"""``radtune train``: run the engine over training files and measure it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from objectives import ScalableTrainingFramework, TrainingConfig
from scripts.console import (
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    print_json,
    warn,
    warn_bad_records,
)
from scripts.decisions import decision_lines, kinds
from scripts.progress import case_progress
from studies.choice import Choice, choose_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from objectives import TrainingMetrics


def train(
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    chunk_size: Annotated[
        int | None, typer.Option(help="Cases per piece of work. [default: 1000]")
    ] = None,
    max_workers: Annotated[
        int | None, typer.Option(help="Processes at most, never more than cores. [default: 4]")
    ] = None,
    experiment_name: Annotated[
        str | None, typer.Option(help="Name of the session. [default: default]")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Use only the first N records. [default: all]")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Configuration file. [default: optimized_config.yaml when it was made on this "
            "data, else config.yaml]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run every case through the engine; print accuracy, critical errors and speed.

    accuracy_at_1 counts cases whose first-ranked row is the gold row, [0, 1]. The success rate
    counts confident answers, right or wrong. Times are in seconds.
    """
    files = dataset or []
    choice = Choice(config, "given") if config else choose_configuration(files, dataset_dir)
    framework = ScalableTrainingFramework(
        TrainingConfig(
            chunk_size=chunk_size,
            max_workers=max_workers,
            experiment_name=experiment_name,
            limit=limit,
            config_path=choice.path,
            dataset_dir=dataset_dir,
        )
    )
    with case_progress() as on_cases:
        metrics = framework.train_on_dataset(files, on_cases)
    warn_bad_records(metrics.bad_records)
    if as_json:
        print_json({**metrics._asdict(), "config": choice.path, "config_reason": choice.reason})
        return
    warn(f"configuration: {choice.path} ({choice.reason})")
    _print_block(metrics)


def _print_block(metrics: TrainingMetrics) -> None:
    lines = [
        "TRAINING COMPLETED SUCCESSFULLY",
        "=" * 50,
        f"Session: {metrics.session_id} ({metrics.experiment_name})",
        f"Total cases processed: {metrics.processed_cases:,}",
        *_held_back(metrics.held_back),
        f"Accuracy@1: {_percent(metrics.accuracy_at_1)} "
        f"({metrics.correct:,} of {metrics.answerable_cases:,} answerable cases)",
        f"Recall@{metrics.top_k}: {_percent(metrics.recall_at_k)}",
        f"Decision accuracy: {_percent(metrics.decision_accuracy)}",
        f"Critical errors: {metrics.critical_errors:,} of {metrics.answerable_cases:,} answerable "
        f"cases ({kinds(metrics.critical_errors_by_kind)}; "
        f"truth from {metrics.critical_errors_source})",
        f"Successful matches: {metrics.successful_matches:,} (confident, right or wrong, "
        "labelled or not)",
        f"Success rate: {metrics.success_rate:.1%}",
        f"Average confidence: {metrics.average_confidence:.3f}",
        f"Total processing time: {metrics.total_processing_time_s:,.1f} seconds",
        f"Processing speed: {metrics.cases_per_s:,.0f} cases/sec",
        f"Errors encountered: {metrics.errors:,}",
    ]
    if metrics.decisions:
        lines += ["Decisions on labelled cases:", *decision_lines(metrics.decisions)]
    if metrics.calibration_note:
        lines.append(f"Note: {metrics.calibration_note}")
    if metrics.answerable_cases == 0:
        apart = " that is not held back" if metrics.held_back else ""
        lines.append(f"No case has a gold row{apart}: accuracy cannot be measured, only coverage.")
    typer.echo("\n".join(lines))


def _held_back(by_site: Mapping[str, int]) -> list[str]:
    if not by_site:
        return []
    n_cases = sum(by_site.values())
    sites = f"site{'s' if len(by_site) > 1 else ''} {', '.join(by_site)}"
    return [
        f"Held back: the right answers of {n_cases:,} cases of the test {sites} "
        "(opened by make bench-search only)"
    ]


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{share:.1%}"
