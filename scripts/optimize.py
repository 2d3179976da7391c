"""``radtune optimize``: find better weights, prove them, export them."""

from __future__ import annotations

from pathlib import Path
from statistics import pstdev
from typing import TYPE_CHECKING, Annotated

import typer

from objectives.configuration import DEFAULT_CONFIG
from objectives.shards.resources import ComputeOptions
from scripts.shared.computing import AllowInsecureOption, SchedulerOption
from scripts.shared.console import (
    ConfigOption,
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    print_json,
    warn,
    warn_bad_records,
    warn_of_defaults,
)
from scripts.shared.decisions import changed_kinds, decision_lines
from scripts.shared.progress import trial_progress
from scripts.shared.stopping import stop_on_signals
from scripts.shared.storage import AllowOutsideOption, StorageOption
from studies import OptimizationConfig, TrainingOptimizer
from studies.gate.gate import Verdict
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studies import OptimizationResult
    from studies.pruners import Pruner
    from studies.samplers import Strategy

EXIT_CODES = {
    Verdict.EXPORTED: 0,
    Verdict.NO_CREDIBLE_GAIN: 3,
    Verdict.MORE_CRITICAL_ERRORS: 4,
}


def _choices(title: str, choices: Mapping[str, type[Strategy | Pruner]]) -> str:
    """List names with their summaries, for the end of the help."""
    width = max(map(len, choices))
    lines = [f"  {name:<{width}}  {one.summary}" for name, one in choices.items()]
    return "\n".join(["\b", title, *lines])  # \b keeps the line breaks


EPILOG = "\n\n".join(
    [
        _choices("Strategies (--strategy) and what they propose:", STRATEGIES),
        _choices("Pruners (--pruner) and what they stop early:", PRUNERS),
    ]
)


def optimize(
    study: Annotated[
        Path | None,
        typer.Argument(
            help="Study file, such as studies/auto.yaml. Options override it.",
            show_default=False,
        ),
    ] = None,
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    max_experiments: Annotated[
        int | None,
        typer.Option(help="Total trials, earlier runs included. [default: 100]"),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(STRATEGIES)}; see below. [default: auto]"),
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(PRUNERS)}; see below. [default: bound]"),
    ] = None,
    warm_start: Annotated[
        str | None,
        typer.Option(
            help="Study in the same database whose best trials are tried first. [default: none]"
        ),
    ] = None,
    study_name: Annotated[
        str | None, typer.Option(help="Study to start or continue. [default: STRATEGY-seed-SEED]")
    ] = None,
    storage: StorageOption = None,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Most processes on this machine, used if they are faster."),
    ] = 1,
    scheduler: SchedulerOption = None,
    allow_insecure: AllowInsecureOption = False,
    seed: Annotated[int | None, typer.Option(help="Random seed. [default: 42]")] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Time limit of this run in seconds. [default: none]")
    ] = None,
    early_stopping_threshold: Annotated[
        float | None,
        typer.Option(help="Stop when a value reaches this, 0 to 1. [default: off]"),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after this many trials without a gain. [default: off]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File for the new configuration. [default: optimized_config.yaml]"),
    ] = None,
    allow_outside: AllowOutsideOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Search for better weights; export proven ones.

    The best weights are exported when the gate sites confirm the gain. Run the same command again
    to continue an interrupted study. Values and accuracies are in [0, 1].

    Exit codes: 0 exported; 3 no credible gain, nothing exported; 4 a gain but more critical
    errors, nothing exported; 5 another process runs this study; 6 the scheduler cannot be used.
    """
    options = OptimizationConfig(
        max_experiments=max_experiments,
        strategy=strategy,
        pruner=pruner,
        early_stopping_threshold=early_stopping_threshold,
        patience=patience,
        warm_start=warm_start,
        timeout=timeout,
        seed=seed,
        storage=storage,
        output=output,
        config_path=config,
        dataset_dir=dataset_dir,
        study_file=study,
        allow_outside=allow_outside,
    )
    warn_of_defaults(options.baseline)
    with stop_on_signals("trial") as is_stopped, trial_progress() as progress:
        compute = ComputeOptions(scheduler, allow_insecure, workers)
        optimizer = TrainingOptimizer(options, progress, is_stopped, compute)
        result = optimizer.optimize(dataset, study_name)
    warn_bad_records(result.bad_records)
    if result.set_aside:
        warn(f"the earlier export is out of date; it was moved to {result.set_aside}")
    if as_json:
        print_json({**result._asdict(), "decision": result.decision.name.lower()})
    else:
        _print_block(result)
    raise typer.Exit(EXIT_CODES[result.decision])


def _print_block(study: OptimizationResult) -> None:
    gate, words = study.held_out, study.gate
    lines = [
        "OPTIMIZATION COMPLETED SUCCESSFULLY",
        "=" * 50,
        f"Best validation score: {study.best_value:.4f} (trial {study.best_trial}; "
        f"current weights {study.baseline_value:.4f}, random weights "
        f"{study.random_median_value:.4f}, ceiling {study.ceiling:.4f})",
        f"Accuracy@1 of the tuning sites: {_spread(study.best_site_accuracies)} "
        f"(current weights {_spread(study.baseline_site_accuracies)})",
        f"Experiments run: {study.n_trials} ({study.n_new_trials} now; {study.n_complete} "
        f"complete, of which {study.n_infeasible} with more critical errors of some kind than the "
        f"current weights, {study.n_pruned} pruned, {study.n_failed} failed; "
        f"{study.stop_reason})",
        f"Strategy used: {study.strategy}",
        f"Cases scored by trials: {study.n_cases_scored / study.n_cases_in_full:.0%} of "
        f"{study.n_cases_in_full:,} (pruner {study.pruner})",
        "",
        "Best parameters:",
        *(f"  {name}: {value:.4f}" for name, value in study.best_params.items()),
        "",
        f"Gate sites (not tuned on): {', '.join(gate.sites)}, {gate.n_cases:,} cases",
        f"  accuracy@1: {gate.baseline_accuracy_at_1:.4f} -> {gate.optimized_accuracy_at_1:.4f}, "
        f"difference {gate.difference:+.4f} (95% interval {gate.ci95.low:+.4f} to "
        f"{gate.ci95.high:+.4f}; look {gate.look})",
        f"  critical errors: {gate.critical_errors_baseline} -> {gate.critical_errors_optimized}"
        + changed_kinds(gate.critical_by_kind_baseline, gate.critical_by_kind_optimized),
        "Decisions there, with the current configuration:",
        *decision_lines(study.decisions_before),
        "Decisions there, with the best weights and their own calibration:",
        *decision_lines(study.decisions_after),
        f"Tried: {words.tried}; won: {words.won}",
        f"Gain at the gate: {words.gain}",
        f"Critical errors there: {words.critical}",
        f"Decision: {words.decision}",
    ]
    if study.output:
        lines.append(f"Output: {study.output} (copy it to config.yaml to make it current)")
    lines.append(f"Total time: {study.elapsed_s:.1f} seconds")
    typer.echo("\n".join(lines))


def _spread(site_accuracies: Mapping[str, float]) -> str:
    """Write the lowest and the highest accuracy of the sites, and their standard deviation."""
    shares = list(site_accuracies.values())
    return f"{min(shares):.4f} to {max(shares):.4f}, standard deviation {pstdev(shares):.4f}"
