"""``radtune train``: run the engine over training files and measure it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from objectives import ScalableTrainingFramework, TrainingConfig
from objectives.training.blocks import TrainingStoppedError
from scripts.shared.computing import AllowInsecureOption, SchedulerOption, opened_executor
from scripts.shared.console import (
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    load_and_warn,
    print_json,
    warn,
    warn_bad_records,
)
from scripts.shared.decisions import decision_lines, kinds
from scripts.shared.progress import case_progress
from scripts.shared.stopping import stop_on_signals
from scripts.shared.training_log import say, training_log
from studies.config_selection import Choice, choose_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from objectives import TrainingMetrics

_EXIT_INTERRUPTED = 130  # for which the command line has its own last line


def train(
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    chunk_size: Annotated[
        int | None, typer.Option(help="Cases per piece of work. [default: 1000]")
    ] = None,
    max_workers: Annotated[
        int | None, typer.Option(help="Most processes to use, never more than cores. [default: 4]")
    ] = None,
    checkpoint_interval: Annotated[
        int | None,
        typer.Option(help="Cases between two checkpoints. [default: 2500]"),
    ] = None,
    memory_cleanup_interval: Annotated[
        int | None, typer.Option(help="Cases between two memory clean-ups. [default: 5000]")
    ] = None,
    validation_split: Annotated[
        float | None,
        typer.Option(
            help="Share of the labelled sites to report separately, from 0 to below 1. "
            "[default: 0.1]"
        ),
    ] = None,
    experiment_name: Annotated[
        str | None, typer.Option(help="Name of the session. [default: default]")
    ] = None,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="Continue an interrupted session or start a new one. [default: resume]",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Use only the first N records. [default: all]")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Configuration file. [default: optimized_config.yaml if it was made on this "
            "data, else config.yaml]",
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    allow_insecure: AllowInsecureOption = False,
    log_dir: Annotated[
        Path | None, typer.Option(help="Folder of log files. [default: logs/training]")
    ] = None,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Write the log as JSON Lines.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the engine over training files and measure it.

    Prints accuracy, critical errors and speed. accuracy_at_1 is the share of cases whose
    first-ranked row is the gold row, [0, 1]. The success rate counts confident answers, right or
    wrong. Times are in seconds. Run the same command again to continue an interrupted session.
    """
    files = dataset or []
    choice = Choice(config, "given") if config else choose_configuration(files, dataset_dir)
    framework = ScalableTrainingFramework(
        TrainingConfig(
            chunk_size=chunk_size,
            max_workers=max_workers,
            checkpoint_interval=checkpoint_interval,
            memory_cleanup_interval=memory_cleanup_interval,
            validation_split=validation_split,
            resume_from_checkpoint=resume,
            experiment_name=experiment_name,
            limit=limit,
            config_path=choice.path,
            dataset_dir=dataset_dir,
        )
    )
    load_and_warn(choice.path)
    with (
        training_log(log_dir or framework.settings.log_dir, as_json=log_json) as log,
        stop_on_signals() as should_stop,
    ):
        try:
            with (
                opened_executor(
                    scheduler,
                    framework.settings.max_workers,
                    should_stop,
                    allow_insecure=allow_insecure,
                ) as executor,
                case_progress() as on_cases,
            ):
                metrics = framework.train_on_dataset(files, on_cases, should_stop, executor)
        except TrainingStoppedError as stopped:
            say(str(stopped))
            warn(str(stopped))
            raise typer.Exit(_EXIT_INTERRUPTED) from None
        lines = _block(metrics)
        for line in lines:
            say(line)
    warn_bad_records(metrics.bad_records)
    if as_json:
        chosen = {"config": choice.path, "config_reason": choice.reason, "log": log.path}
        print_json(metrics._asdict() | chosen)
        return
    warn(f"configuration: {choice.path} ({choice.reason})")
    typer.echo("\n".join([*lines, f"Log: {log.path}"]))


def _block(metrics: TrainingMetrics) -> list[str]:
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
    lines += _parts(metrics)
    if metrics.decisions:
        lines += ["Decisions on labelled cases:", *decision_lines(metrics.decisions)]
    if metrics.calibration_note:
        lines.append(f"Note: {metrics.calibration_note}")
    if metrics.answerable_cases == 0:
        apart = " that is not held back" if metrics.held_back else ""
        lines.append(f"No case has a gold row{apart}: accuracy cannot be measured, only coverage.")
    return lines


def _parts(metrics: TrainingMetrics) -> list[str]:
    """Say how training and validation sites did, where there are both."""
    if not metrics.validation_sites:
        return []
    lines = []
    for name, part in metrics.parts.items():
        sites = [site for site in metrics.sites if metrics.part_of(site) == name]
        lines.append(
            f"{name.capitalize()} sites: accuracy@1 {_percent(part.accuracy_at_1)} of "
            f"{part.n_answerable:,}, decision accuracy {_percent(part.decision_accuracy)} of "
            f"{part.n_labelled:,}, critical errors {part.critical_errors:,} "
            f"({', '.join(site or 'without a name' for site in sites)})"
        )
    return lines


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
