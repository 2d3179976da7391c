"""When a trial is stopped early: the median rule."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from objectives.configuration import PrunerSettings


class MedianRule:
    """Stops a trial whose best report lies below the median of complete trials at the same rung.

    The rule of Optuna's ``MedianPruner``, which reads every trial of the study at every report.

    Parameters
    ----------
    settings : PrunerSettings
    """

    def __init__(self, settings: PrunerSettings) -> None:
        self._settings = settings
        self._n_complete = 0
        self._at_rung: dict[int, list[float]] = {}  # from low to high

    def saw(self, rungs: Mapping[int, float]) -> None:
        """Take note of what a complete trial reported at each rung."""
        self._n_complete += 1
        for rung, value in rungs.items():
            bisect.insort(self._at_rung.setdefault(rung, []), value)

    def stops(self, rungs: Mapping[int, float]) -> bool:
        """Tell whether a trial ends at the last of the rungs that it has reported."""
        others = self._at_rung.get(max(rungs), [])
        if self._n_complete < self._settings.n_startup_trials:
            return False
        if len(others) < self._settings.n_min_trials:
            return False
        return max(rungs.values()) < _median(others)


def _median(ordered: Sequence[float]) -> float:
    """Return the median, rounded as ``numpy.percentile`` rounds it."""
    below, above = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return above - (above - below) * 0.5
