"""What every pruner does: say whether a trial is worth scoring on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from objectives.configuration import PrunerSettings
    from objectives.objective import RungReport


class Pruner(ABC):
    """Stops trials early.

    What it does with a trial depends on the finished trials and its number only: shown them
    again, it goes on as if it had not been interrupted. Trial 0 is never stopped.

    Parameters
    ----------
    settings : PrunerSettings
    n_rungs : int
        Equal parts into which the configuration cuts the cases.
    seed : int
        Of the study.

    Attributes
    ----------
    n_rungs : int
        Parts that this pruner wants them cut into, at most as many.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """Which trials it stops, in a few words for users."""
    most_rungs: ClassVar[int | None] = None
    """Parts beyond which it gains nothing, where that is so."""
    reads_parts: ClassVar[bool] = False
    """Whether finished trials must keep the value of each part alone."""

    def __init__(self, settings: PrunerSettings, n_rungs: int, seed: int) -> None:
        self.settings = settings
        self.n_rungs = min(n_rungs, self.most_rungs or n_rungs)
        self.seed = seed

    @abstractmethod
    def begin(self) -> RungReport:
        """Return what judges the next trial; `saw` ends it."""

    @abstractmethod
    def saw(self, record: FrozenTrial, value: float | None) -> None:
        """Take note of a finished trial, each in order of number.

        Parameters
        ----------
        record : FrozenTrial
        value : float or None
            In [0, 1]; None unless it is complete and feasible.
        """


class BatchPruner(Pruner):
    """A pruner that stops what cannot reach a floor: it judges many trials at once."""

    @property
    @abstractmethod
    def floor(self) -> float:
        """The value below which trials of this batch are stopped."""

    @abstractmethod
    def batch_ends_before(self, number: int) -> int:
        """Return the number of the first trial that belongs to a later batch than `number`."""
