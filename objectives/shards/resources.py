"""What a command computes with: this process, others on this machine, or a scheduler's workers."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from objectives.shards.case_counts import LocalCounts
from support.errors import ConfigurationError
from support.executors import never

if TYPE_CHECKING:
    from collections.abc import Callable

    from objectives.bank.feature_bank import BankRecipe
    from objectives.configuration import ComputeSettings
    from objectives.shards.case_counts import SpreadCases
    from support.compute.crew import DaskCrew
    from support.executors import Executor


class ComputeOptions(NamedTuple):
    """What the user says of compute workers.

    Attributes
    ----------
    scheduler : str or None
        URL of a Dask scheduler.
    allow_insecure : bool
        Whether ``tcp://`` may leave this machine.
    n_local : int
        Compute workers on this machine, started when they are used; 1: this process alone.
    """

    scheduler: str | None = None
    allow_insecure: bool = False
    n_local: int = 1


class ComputeResources(ExitStack):
    """Opens compute workers when they are first used, and lets go of them at the end.

    Parameters
    ----------
    options : ComputeOptions
    say : callable
        Given lines for the user.
    is_stopped : callable
        Asked whether to end, while there is no worker.

    Raises
    ------
    ConfigurationError
        When both a scheduler and local workers are asked for.
    """

    def __init__(
        self,
        options: ComputeOptions,
        say: Callable[[str], None],
        is_stopped: Callable[[], bool] = never,
    ) -> None:
        super().__init__()
        if options.scheduler and options.n_local > 1:
            raise ConfigurationError(
                "--workers starts compute workers on this machine, --scheduler uses those of a "
                "scheduler (DASK_SCHEDULER_ADDRESS, too); give one of them"
            )
        self._options = options
        self._say = say
        self._is_stopped = is_stopped

    @cached_property
    def crew(self) -> DaskCrew:
        """The compute workers.

        Raises
        ------
        ComputeError
            When there is no such scheduler, it is not allowed, or Dask is not installed.
        """
        # Dask is optional, and takes half a second
        from support.compute.connection import crew_of_scheduler, local_crew  # noqa: PLC0415

        scheduler, allow_insecure, n_local = self._options
        if scheduler is None:
            opening = local_crew(n_local, self._say, self._is_stopped)
        else:
            opening = crew_of_scheduler(
                scheduler, self._say, self._is_stopped, allow_insecure=allow_insecure
            )
        return self.enter_context(opening)

    def executor(self) -> Executor | None:
        """Return what computes banks on the workers of a scheduler; None without one.

        Raises
        ------
        ComputeError
            As `crew`.
        """
        if self._options.scheduler is None:
            return None
        from support.compute.executor import DaskExecutor  # noqa: PLC0415 - as above

        return DaskExecutor(self.crew)

    def spread(self, recipe: BankRecipe, n_cases: int, settings: ComputeSettings) -> SpreadCases:
        """Return where the cases of a study are scored: where it is likely to be fastest.

        Parameters
        ----------
        recipe : BankRecipe
            Of the bank that they are in.
        n_cases : int
        settings : ComputeSettings

        Raises
        ------
        ComputeError
            As `crew`.
        """
        if self._options.scheduler is None and self._options.n_local == 1:
            return LocalCounts
        if n_cases < settings.least_cases:
            self._say(
                f"this process scores the {n_cases:,} cases alone; compute workers are used "
                f"from {settings.least_cases:,} on (compute.least_cases)"
            )
            return LocalCounts
        from objectives.shards.resident_shards import spread_over  # noqa: PLC0415 - as above

        return spread_over(self.crew, recipe, settings.cases_per_shard)
