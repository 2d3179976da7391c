"""``radtune map``: map a file of exam names to catalogue rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.maps.mapping import map_file
from objectives.configuration import DEFAULT_CONFIG, resolve
from objectives.decisions.calibration import calibration_note
from objectives.workspace import Workspace
from scripts.shared.computing import AllowInsecureOption, SchedulerOption, opened_executor
from scripts.shared.console import ConfigOption, JsonOption, load_and_warn, print_json, warn
from scripts.shared.progress import record_progress
from support.atomic_files import spare_inputs
from support.engine_version import engine_sha256
from support.hashing import hash_of


def map_names(
    input_path: Annotated[
        Path,
        typer.Option(
            "--input",
            help="CSV, JSON or JSON Lines file with the columns exam_name (or "
            "study_description) and modality (or modality_code).",
        ),
    ],
    output: Annotated[Path, typer.Option(help="File for the answers.")],
    reference: Annotated[
        Path | None,
        typer.Option(help="Catalogue in the NHS.json shape. [default: data.catalogue]"),
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="csv or jsonl.", show_default=True)
    ] = "csv",
    max_workers: Annotated[
        int | None, typer.Option(min=1, help="Most processes to use. [default: 4]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    scheduler: SchedulerOption = None,
    allow_insecure: AllowInsecureOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Map a file of exam names to catalogue rows.

    All input columns are kept. concept_id and preferred_name hold the best candidate. An
    AMBIGUOUS answer has one too, although it was not accepted. They are empty for NO_MATCH and
    NON_CLINICAL. Confidence is in [0, 1].
    """
    settings = load_and_warn(config)
    spare_inputs(output, map(resolve, (config, reference or settings.data.catalogue)))
    workspace = Workspace(settings, catalogue=reference)
    depends_on = [settings.sha256, workspace.catalogue_sha256, engine_sha256()]
    n_processes = max_workers or settings.training.max_workers
    with (
        opened_executor(scheduler, n_processes, allow_insecure=allow_insecure) as executor,
        record_progress() as on_records,
    ):
        run = map_file(
            workspace.lookup_engine(),
            input_path,
            output,
            file_format=file_format,
            configuration=hash_of(depends_on),
            resume=resume,
            executor=executor,
            on_records=on_records,
        )
    if run.n_resumed:
        warn(f"{run.n_resumed:,} records were kept from the interrupted run")
    note = calibration_note(settings, workspace.catalogue_sha256)
    if note:
        warn(note)
    if as_json:
        print_json({**run._asdict(), "calibration_note": note})
        return
    counts = ", ".join(f"{status} {n:,}" for status, n in run.statuses.items())
    typer.echo(f"{run.n_records:,} records in {run.output} ({counts})")
