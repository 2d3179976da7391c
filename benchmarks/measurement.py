"""What a benchmark reports, and how two sides are timed in one run."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLAS_TUNING = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}  # left out of what is measured


class Measurement(NamedTuple):
    """One measured figure beside what it should be.

    Attributes
    ----------
    name : str
    measured : float or None
        None where it could not be measured; `detail` says why.
    target : float or None
        None where nothing is promised.
    holds : bool or None
        Whether the target is met.
    unit : str
    detail : str
        What the figure is to be read with.
    is_least : bool
        Whether the target is the least that will do, not the most.
    """

    name: str
    measured: float | None
    target: float | None
    holds: bool | None
    unit: str
    detail: str
    is_least: bool = False

    def bound(self) -> str:
        """Say in words where the figure should lie."""
        if self.target is None:
            return ""
        return f"{'at least' if self.is_least else 'at most'} {self.target:g}"

    def verdict(self) -> str:
        """Say in a word whether it lies there."""
        return {None: "", True: "holds", False: "MISSED"}[self.holds]

    def shown(self) -> str:
        """Write the figure with its unit."""
        if self.measured is None:
            return "not measured"
        digits = ",.0f" if self.measured >= 100 else ".3g"  # noqa: PLR2004 - three digits
        return f"{self.measured:{digits}} {self.unit}"


def at_most(name: str, measured: float, target: float, unit: str, detail: str) -> Measurement:
    """Report a figure that should be small."""
    return Measurement(name, measured, target, measured <= target, unit, detail)


def at_least(name: str, measured: float, target: float, unit: str, detail: str) -> Measurement:
    """Report a figure that should be large."""
    return Measurement(name, measured, target, measured >= target, unit, detail, is_least=True)


def seconds(work: Callable[[], object]) -> float:
    """Time one piece of work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(sides: Sequence[Callable[[], float]], n_rounds: int) -> list[float]:
    """Run the sides in turn, every other round backwards, and return the median of each.

    What else the machine does then falls on all of them alike.
    """
    taken: list[list[float]] = [[] for _ in sides]
    for number in range(n_rounds):
        order = range(len(sides))
        for side in order if number % 2 == 0 else reversed(order):
            taken[side].append(sides[side]())
    return [median(times) for times in taken]
