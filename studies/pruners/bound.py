"""Stop a trial as soon as it can no longer reach the best value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from studies.pruners.base import BatchPruner

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from objectives.configuration import PrunerSettings
    from objectives.objective import Rung, RungReport

_BATCH = 64


class Bound(BatchPruner):
    """Stops a trial whose value cannot reach the best feasible one any more.

    No trial that would have become the best is ever stopped, and no trial whose strategy learns
    from values (TPE, CMA-ES): a study ends with the same best trial as without pruning. TPE within
    ``auto`` also sees the steps of the line search, stopped ones too, and may propose otherwise.

    Trials that are valued at once are held against the best before their batch; batches end at
    fixed numbers, so that an interrupt changes no floor.
    """

    name = "bound"
    summary = "trials that can no longer become the best"
    most_rungs = 8  # with more, reporting and writing cost what the cases left out save

    def __init__(self, settings: PrunerSettings, n_rungs: int, seed: int) -> None:
        super().__init__(settings, n_rungs, seed)
        self._best = self._floor = float("-inf")

    @override
    def begin(self) -> RungReport:
        best = self._best

        def stops(rung: Rung) -> bool:
            return rung.most < best

        return stops

    @override
    def saw(self, record: FrozenTrial, value: float | None) -> None:
        if value is not None and value > self._best:
            self._best = value
        if record.number + 1 == self.batch_ends_before(record.number):
            self._floor = self._best

    @property
    @override
    def floor(self) -> float:
        return self._floor

    @override
    def batch_ends_before(self, number: int) -> int:
        return -(-number // _BATCH) * _BATCH + 1  # trial 0 is a batch of its own
