"""No pruning."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from typing_extensions import override

from objectives.objective import never_stop
from studies.pruners.base import BatchPruner

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from objectives.objective import RungReport


class NoPruner(BatchPruner):
    """Scores every case of every trial, in a single part: that is fastest."""

    name = "none"
    summary = "no trial"
    most_rungs = 1

    @override
    def begin(self) -> RungReport:
        return never_stop

    @override
    def saw(self, record: FrozenTrial, value: float | None) -> None:
        pass

    @property
    @override
    def floor(self) -> float:
        return float("-inf")

    @override
    def batch_ends_before(self, number: int) -> int:
        return sys.maxsize
