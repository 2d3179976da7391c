"""``radtune calibrate``: fit confidence and accept threshold to a configuration's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from objectives.configuration import DEFAULT_CONFIG
from scripts.shared.computing import AllowInsecureOption, SchedulerOption, opened_executor
from scripts.shared.console import (
    ConfigOption,
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    load_and_warn,
    print_json,
    warn_bad_records,
)
from scripts.shared.decisions import decision_lines, reliability_lines
from scripts.shared.progress import case_progress
from studies import calibrate as calibration

if TYPE_CHECKING:
    from studies.calibrate import CalibrationRun


def calibrate(
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    scheduler: SchedulerOption = None,
    allow_insecure: AllowInsecureOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Fit confidence to the weights of a configuration.

    Run it after you change a weight by hand, or for your own catalogue and cases. It writes the
    new calibration into the configuration file. It fits on out-of-fold answers of the tuning
    sites and measures on the gate sites. Confidence, coverage and error rates are in [0, 1].
    """
    n_processes = load_and_warn(config).training.max_workers
    with (
        opened_executor(scheduler, n_processes, allow_insecure=allow_insecure) as executor,
        case_progress() as on_cases,
    ):
        run = calibration.calibrate(config, dataset or [], dataset_dir, on_cases, executor)
    warn_bad_records(run.bad_records)
    if as_json:
        print_json(run._asdict())
    else:
        _print_block(run)


def _print_block(run: CalibrationRun) -> None:
    point = run.fitted.operating_point
    threshold = run.fitted.calibration.accept_threshold
    lines = [
        "CALIBRATION COMPLETED SUCCESSFULLY",
        "=" * 50,
        f"Fitted on: {run.fitted.n_cases:,} cases of the tuning sites",
        "Accept threshold: none meets the target error rate; nothing is accepted"
        if point is None
        else f"Accept threshold: {threshold:.4f} (out of fold: {point.coverage:.1%} accepted, "
        f"error {point.error_rate:.2%}, upper bound {point.upper_bound:.2%})",
        "",
        f"Gate sites (not fitted on): {', '.join(run.gate_sites)}, "
        f"{run.gate.overall.n_cases:,} cases",
        *decision_lines(run.gate),
        "",
        *reliability_lines(run.gate.reliability),
        f"Output: {run.output}",
    ]
    typer.echo("\n".join(lines))
