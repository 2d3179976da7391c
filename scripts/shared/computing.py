"""What the verbs share that can compute on other machines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from objectives.shards.resources import ComputeOptions, ComputeResources
from scripts.shared.console import warn
from support.executors import LocalProcesses, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.executors import Executor

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        envvar="DASK_SCHEDULER_ADDRESS",
        help="Dask scheduler to compute on, such as tls://HOST:8786. [default: this machine]",
    ),
]
AllowInsecureOption = Annotated[
    bool,
    typer.Option(
        "--allow-insecure",
        help="Allow a scheduler on another machine without TLS. Anyone who can connect to it "
        "can run programs on all its machines.",
    ),
]


@contextmanager
def opened_executor(
    scheduler: str | None,
    max_workers: int,
    is_stopped: Callable[[], bool] = never,
    *,
    allow_insecure: bool = False,
) -> Iterator[Executor]:
    """Open what runs chunks: the workers of a scheduler, else processes on this machine.

    Parameters
    ----------
    scheduler : str or None
    max_workers : int
        Processes at most, where there is no scheduler.
    is_stopped : callable
        Asked whether to end, while there is no worker.
    allow_insecure : bool

    Raises
    ------
    ComputeError
        When there is no such scheduler, or it is not allowed.
    """
    with ComputeResources(ComputeOptions(scheduler, allow_insecure), warn, is_stopped) as compute:
        yield compute.executor() or LocalProcesses(max_workers)
