"""``radtune validate``: measure a configuration on the hand-written sanity set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from objectives import validation
from objectives.configuration import DEFAULT_CONFIG
from scripts.shared.console import JsonOption, load_and_warn, print_json
from scripts.shared.decisions import decision_lines, kinds


def validate(
    config: Annotated[
        Path,
        typer.Option(
            "--config", "--config-path", help="Configuration file.", show_default="config.yaml"
        ),
    ] = DEFAULT_CONFIG,
    sanity_test_path: Annotated[
        Path | None, typer.Option(help="Sanity set. [default: data.sanity of the config]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a configuration on the sanity set.

    The sanity set is written by hand. All scores are in [0, 1]. overall_validation_score = 0.7
    accuracy_at_1 + 0.2 modality_extraction_accuracy + 0.1 preprocessing_consistency.
    """
    metrics = validation.validate(load_and_warn(config), sanity_test_path)
    if as_json:
        print_json(metrics._asdict())
        return
    lines = [
        "VALIDATION COMPLETED SUCCESSFULLY",
        "=" * 50,
        f"Cases: {metrics.n_cases}",
        f"Accuracy@1: {metrics.accuracy_at_1:.3f}",
        f"Recall@{metrics.top_k}: {metrics.recall_at_k:.3f}",
        f"Critical errors: {metrics.critical_errors} ({kinds(metrics.critical_errors_by_kind)})",
        f"Preprocessing consistency: {metrics.preprocessing_consistency:.3f} "
        f"({metrics.n_consistency_names} names)",
        f"Modality extraction accuracy: {metrics.modality_extraction_accuracy:.3f} "
        f"({metrics.n_modality_names} names)",
        f"Overall validation score: {metrics.overall_validation_score:.3f}",
        "Decisions:",
        *decision_lines(metrics.decisions),
    ]
    if metrics.calibration_note:
        lines.append(f"Note: {metrics.calibration_note}")
    if metrics.missed:
        lines += ["", "Missed (name -> answer; gold row):"]
        lines += [
            f"  {case.exam_name} [{case.modality_code}] -> {case.answer}; {case.gold}"
            for case in metrics.missed
        ]
    typer.echo("\n".join(lines))
