"""``radtune delete``: delete a study with all its trials."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.shared.storage import StorageOption, storage_url
from studies.storage import study_queue
from studies.storage.database import opened_storage


def delete(
    study_name: Annotated[str, typer.Argument(help="Name of the study.")],
    storage: StorageOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> None:
    """Delete a study and all its trials.

    Asks first. A deleted study cannot be restored.
    """
    with opened_storage(storage_url(storage)) as opened:
        n_trials = study_queue.count_trials(opened, study_name)
        if not yes and not _agrees(f"Delete study {study_name!r} with its {n_trials} trials?"):
            typer.echo("nothing was deleted")
            raise typer.Exit(1)
        study_queue.delete(opened, study_name)
    typer.echo(f"study {study_name!r} is deleted")


def _agrees(question: str) -> bool:
    """Ask; Ctrl-C and the end of input mean no."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        typer.echo()
        return False
