"""``radtune worker``: run the open studies of a database."""

from __future__ import annotations

from typing import Annotated

import typer

from objectives.shards.resources import ComputeOptions, ComputeResources
from scripts.shared.computing import AllowInsecureOption, SchedulerOption
from scripts.shared.progress import trial_progress
from scripts.shared.stopping import stop_on_signals
from scripts.shared.storage import StorageOption, storage_url
from studies.storage.database import opened_storage
from studies.storage.study_queue import check_names
from studies.worker_loop import WorkerLoop
from support.errors import StudyError


def worker(
    storage: StorageOption = None,
    study: Annotated[
        list[str] | None, typer.Option(help="Run only this study; may be repeated. [default: all]")
    ] = None,
    forever: Annotated[
        bool, typer.Option("--forever", help="Wait for new studies when no study is open.")
    ] = False,
    scheduler: SchedulerOption = None,
    allow_insecure: AllowInsecureOption = False,
) -> None:
    """Run the open studies of a database.

    Runs them one after the other, on any machine that reaches the database. One worker runs each
    study. When a worker dies, another one continues its study. Ends when no study is open.
    Ctrl-C or SIGTERM saves completed trials and ends with exit code 130. Skips studies whose data
    differ on this machine; the exit code is then 1.
    """
    with (
        opened_storage(storage_url(storage), is_new=forever) as opened,
        stop_on_signals("trial") as is_stopped,
        trial_progress() as progress,
        ComputeResources(
            ComputeOptions(scheduler, allow_insecure), progress.say, is_stopped
        ) as compute,
    ):
        check_names(opened, () if forever else study or ())
        loop = WorkerLoop(opened, compute, progress, is_stopped)
        done = loop.work(study or (), forever=forever)
    if is_stopped():
        raise KeyboardInterrupt
    if done.refused:
        why = "; ".join(f"{name!r} ({reason})" for name, reason in done.refused.items())
        raise StudyError(f"could not be run here: {why}")
    ended = ", ".join(map(repr, done.ended)) or "none"
    typer.echo(f"no study is open{' of those named' if study else ''}; ended here: {ended}")
