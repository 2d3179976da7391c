"""``radtune cancel``: stop all work on a study."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.shared.storage import StorageOption, storage_url
from studies.storage import study_queue
from studies.storage.database import opened_storage


def cancel(
    study_name: Annotated[str, typer.Argument(help="Name of the study.")],
    storage: StorageOption = None,
) -> None:
    """Stop all work on a study; keep its trials.

    Submit the study again to continue it.
    """
    with opened_storage(storage_url(storage)) as opened:
        study_queue.cancel(opened, study_name)
    typer.echo(f"study {study_name!r} is cancelled; its trials are kept")
