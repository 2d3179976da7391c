"""``radtune submit``: add a study to the database for workers to run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.shared.console import warn_of_defaults
from scripts.shared.storage import AllowOutsideOption, StorageOption
from studies.definition.options import OptimizationConfig
from studies.search import submit as submit_study
from studies.storage.database import opened_storage
from support.databases import shown_url

StudyFile = Annotated[Path, typer.Argument(help="Study file, such as studies/auto.yaml.")]


def submit(
    study: StudyFile,
    storage: StorageOption = None,
    study_name: Annotated[
        str | None, typer.Option(help="Name in the database. [default: the study file's]")
    ] = None,
    max_experiments: Annotated[
        int | None, typer.Option(help="Trials in all. [default: the study file's]")
    ] = None,
    allow_outside: AllowOutsideOption = False,
) -> None:
    """Add a study to the database for workers to run.

    `radtune worker` runs it. Submit a study again to continue it, also after `radtune cancel` or
    with another budget.
    """
    options = OptimizationConfig(
        study_file=study,
        storage=storage,
        max_experiments=max_experiments,
        allow_outside=allow_outside,
    )
    warn_of_defaults(options.baseline)
    definition = options.definition(study_name=study_name)
    url = definition.study.storage
    with opened_storage(url, is_new=True) as opened:
        submit_study(definition, opened)
    typer.echo(
        f"study {definition.name!r} is submitted: {definition.study.max_experiments} trials; "
        f"run it with: radtune worker --storage {shown_url(url)}"
    )
