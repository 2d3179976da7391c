"""``radtune worker``: run the open studies of a database, on any machine that reaches it."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.errors import StudyError
from scripts.progress import trial_progress
from scripts.stopping import stop_on_signals
from scripts.storage import StorageOption, opened_storage, storage_url
from studies.directory import check_names
from studies.service import Service
from studies.worker import Worker


def worker(
    storage: StorageOption = None,
    study: Annotated[
        list[str] | None, typer.Option(help="Only this study; may be repeated. [default: all]")
    ] = None,
    forever: Annotated[
        bool, typer.Option("--forever", help="Wait for new studies when none is open.")
    ] = False,
) -> None:
    """Run the open studies of a database in turn, beside any number of other workers.

    Ends when no study is open. Ctrl-C or SIGTERM brings back what has run and ends with code 130.
    A study that cannot be run here, such as one of other data, is left to others: exit code 1.
    """
    with (
        opened_storage(storage_url(storage), is_new=forever) as opened,
        stop_on_signals("trial") as is_stopped,
        trial_progress() as progress,
        Worker(opened.engine) as this,
    ):
        check_names(opened, () if forever else study or ())
        shift = Service(opened, this, progress, is_stopped).work(study or (), forever=forever)
    if is_stopped():
        raise KeyboardInterrupt
    if shift.refused:
        why = "; ".join(f"{name!r} ({reason})" for name, reason in shift.refused.items())
        raise StudyError(f"could not be run here: {why}")
    ended = ", ".join(map(repr, shift.ended)) or "none"
    typer.echo(f"no study is open{' of those named' if study else ''}; ended here: {ended}")
