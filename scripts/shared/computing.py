"""What the verbs share that can compute on other machines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.shared.console import warn
from support.executors import LocalProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.compute.crew import DaskCrew
    from support.executors import Executor

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        envvar="DASK_SCHEDULER_ADDRESS",
        help="Dask scheduler whose workers compute, such as tls://HOST:8786. "
        "[default: this machine]",
    ),
]
AllowInsecureOption = Annotated[
    bool,
    typer.Option(
        "--allow-insecure",
        help="Use a scheduler of another machine without TLS: whoever reaches it can run "
        "programs on all of them.",
    ),
]


def never() -> bool:
    """Ask no run to stop."""
    return False


@contextmanager
def opened_crew(
    scheduler: str | None, is_stopped: Callable[[], bool] = never, *, allow_insecure: bool = False
) -> Iterator[DaskCrew | None]:
    """Connect to the scheduler that was given, if any; what it has to say goes to stderr.

    Parameters
    ----------
    scheduler : str or None
    is_stopped : callable
        Asked whether to end, while there is no worker.
    allow_insecure : bool

    Raises
    ------
    ComputeError
        When there is no such scheduler, or it is not allowed.
    """
    if scheduler is None:
        yield None
        return
    from support.compute.connection import crew_of_scheduler  # noqa: PLC0415 - seldom used

    with crew_of_scheduler(scheduler, warn, is_stopped, allow_insecure=allow_insecure) as crew:
        yield crew


@contextmanager
def opened_executor(
    scheduler: str | None,
    max_workers: int,
    is_stopped: Callable[[], bool] = never,
    *,
    allow_insecure: bool = False,
) -> Iterator[Executor]:
    """Open what runs chunks: the workers of a scheduler, else processes on this machine.

    Raises
    ------
    ComputeError
        As `opened_crew`.
    """
    with opened_crew(scheduler, is_stopped, allow_insecure=allow_insecure) as crew:
        if crew is None:
            yield LocalProcesses(max_workers)
            return
        from support.compute.executor import DaskExecutor  # noqa: PLC0415 - seldom used

        yield DaskExecutor(crew)
