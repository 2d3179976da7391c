"""A trial, from its proposal to what the database keeps of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from engine.ranking.weights import Weights
    from objectives.objective import Valuation

BASELINE = "current weights"
WARM_START = "warm start"  # followed by the study that they come from


class Trial(NamedTuple):
    """One set of weights: where it comes from and, once it has run, what it is worth.

    Attributes
    ----------
    weights : Weights
    point : mapping of str to float
        The same in search coordinates.
    origin : str
        What proposed it; the first word is the strategy.
    teaches : bool
        Whether the strategy learns from what the trial is worth, however little.
    number : int
        In the study, from 0; -1 before it has run.
    state : TrialState
        WAITING before it has run; then COMPLETE, PRUNED, or FAIL when the objective raised.
    value : float or None
        Over the cases that were scored, in [0, 1]; None before, and when it failed.
    rungs : mapping of int to float
        Value at each rung, over the cases so far.
    constraints : mapping of str to float
        Above 0 where one is broken; empty unless it is complete.
    valuation : Valuation or None
        All that was counted; None unless this process has run it.
    part_values : sequence of float
        Value of each part alone, for a pruner that reads them.
    started, ended : datetime or None
    """

    weights: Weights
    point: Mapping[str, float]
    origin: str
    teaches: bool = False
    number: int = -1
    state: TrialState = TrialState.WAITING
    value: float | None = None
    rungs: Mapping[int, float] = MappingProxyType({})
    constraints: Mapping[str, float] = MappingProxyType({})
    valuation: Valuation | None = None
    part_values: Sequence[float] = ()
    started: datetime | None = None
    ended: datetime | None = None

    def valued(self, valuation: Valuation) -> Trial:
        """Return the trial with what was counted; pruned where not all cases were."""
        is_complete = valuation.critical_errors is not None
        state = TrialState.COMPLETE if is_complete else TrialState.PRUNED
        return self._replace(state=state, value=valuation.value, valuation=valuation)

    @property
    def is_given(self) -> bool:
        """Whether no strategy proposed it: the current weights, or what another study found."""
        return self.origin == BASELINE or self.origin.startswith(WARM_START)

    @property
    def complete_value(self) -> float | None:
        """The value of a complete trial, else None."""
        return self.value if self.state is TrialState.COMPLETE else None

    @property
    def feasible_value(self) -> float | None:
        """The value of a complete trial that breaks no constraint, else None."""
        return self.complete_value if all(v <= 0 for v in self.constraints.values()) else None
