"""``radtune cancel``: let nobody go on with a study."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.storage import StorageOption, opened_storage, storage_url
from studies import directory


def cancel(
    study_name: Annotated[str, typer.Argument(help="Name of the study.")],
    storage: StorageOption = None,
) -> None:
    """Stop all work on a study; its trials stay, and submitted again it goes on."""
    with opened_storage(storage_url(storage)) as opened:
        directory.cancel(opened, study_name)
    typer.echo(f"study {study_name!r} is cancelled; its trials are kept")
