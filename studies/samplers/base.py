"""What every strategy does: say where the next trials of a study go."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.objective import WeightObjective
    from objectives.search_space import SearchSpace

BASELINE = "current weights"
WARM_START = "warm start"  # followed by the study that they come from


class Problem(NamedTuple):
    """What a strategy may know.

    Attributes
    ----------
    current : Weights
        The configured weights: trial 0 of every study.
    space : SearchSpace
    objective : WeightObjective
    grid : mapping of str to sequence of float
        Values that ``grid_search`` tries for single weights.
    seed : int
    most_critical : mapping of str to int
        Critical errors of a kind that a trial may have at most, where that is fewer than the
        current weights have.
    """

    current: Weights
    space: SearchSpace
    objective: WeightObjective
    grid: Mapping[str, Sequence[float]]
    seed: int
    most_critical: Mapping[str, int] = MappingProxyType({})

    def allowed(self, baseline: Mapping[str, int]) -> dict[str, int]:
        """Return the critical errors by kind that a trial may have.

        Parameters
        ----------
        baseline : mapping of str to int
            Those of the current weights; empty while they are not known.
        """
        most = self.most_critical
        return {**most, **{kind: min(n, most.get(kind, n)) for kind, n in baseline.items()}}

    def proposal(self, weights: Weights, origin: str) -> Proposal:
        """Propose weights of the space."""
        return Proposal(weights, self.space.encode(weights), origin)

    def proposal_at(
        self, unit: NDArray[np.float64], origin: str, *, teaches: bool = False
    ) -> Proposal:
        """Propose a place of the unit box, shape (n_coordinates,), as wide as the space."""
        axes = self.space.coordinates
        point = {
            axis.name: axis.low + share * (axis.high - axis.low)
            for axis, share in zip(axes, unit.tolist(), strict=True)
        }
        return Proposal(self.space.decode(point), point, origin, teaches)

    def unit_of(self, point: Mapping[str, float]) -> NDArray[np.float64]:
        """Return where search coordinates lie in the unit box, shape (n_coordinates,)."""
        return np.array(
            [
                (point[axis.name] - axis.low) / ((axis.high - axis.low) or 1.0)
                for axis in self.space.coordinates
            ]
        )


class Proposal(NamedTuple):
    """Where a trial goes.

    Attributes
    ----------
    weights : Weights
    point : mapping of str to float
        The same in search coordinates.
    origin : str
        What proposed it; the first word is the strategy.
    teaches : bool
        Whether the strategy learns from what the trial is worth, however little.
    """

    weights: Weights
    point: Mapping[str, float]
    origin: str
    teaches: bool = False


class Tried(NamedTuple):
    """A finished trial as strategies see it.

    Attributes
    ----------
    number : int
    weights : Weights
    point : mapping of str to float
        Search coordinates.
    origin : str
        As `Proposal`.
    value : float or None
        In [0, 1]; None when it was pruned or failed.
    so_far : float or None
        Value over the cases that were scored; None when it failed.
    rungs : mapping of int to float
        Value reported at each rung.
    constraints : mapping of str to float
        Above 0 where one is broken; empty when it was pruned or failed.
    """

    number: int
    weights: Weights
    point: Mapping[str, float]
    origin: str
    value: float | None
    so_far: float | None
    rungs: Mapping[int, float]
    constraints: Mapping[str, float]

    @property
    def is_given(self) -> bool:
        """Whether no strategy proposed it: the current weights, or what another study found."""
        return self.origin == BASELINE or self.origin.startswith(WARM_START)

    @property
    def feasible_value(self) -> float | None:
        """The value of a complete trial that breaks no constraint, else None."""
        return self.value if all(above <= 0 for above in self.constraints.values()) else None


class Strategy(ABC):
    """Proposes weights, one trial or a few at a time.

    A proposal depends on the problem, the trial's number and the finished trials only, never on
    the strategy's own past: an interrupted study goes on as if it had not been interrupted. What
    a strategy keeps between calls only saves work; the history of one call begins with that of
    the call before.

    Parameters
    ----------
    problem : Problem
    """

    name: ClassVar[str]
    places_many: ClassVar[bool] = False
    """Whether proposals come several at once, none of them depending on another's value."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def proposals(self, history: Sequence[Tried], numbers: range) -> Sequence[Proposal]:
        """Return where the next trials go.

        Parameters
        ----------
        history : sequence of Tried
            Every trial before the first of `numbers`, in order.
        numbers : range
            Trials that may be placed now, at least one.

        Returns
        -------
        sequence of Proposal
            One or more, for the first of `numbers`.
        """

    def note(self, n_proposals: int) -> str | None:  # noqa: ARG002 - a hook
        """Return a line for the user when so many proposals are not what one might expect."""
        return None

    def ended(self, history: Sequence[Tried]) -> str | None:  # noqa: ARG002 - a hook
        """Say in words why there is nothing left to propose, or return None."""
        return None

    def index_of(self, number: int, history: Sequence[Tried]) -> int:
        """Return which proposal of this strategy a trial is, from 0: given trials come first."""
        return number - sum(1 for _ in itertools.takewhile(lambda one: one.is_given, history))

    def trial_seed(self, number: int) -> int:
        """Return the seed of trial `number`, independent of every other trial's."""
        return int(np.random.SeedSequence([self.problem.seed, number]).generate_state(1)[0])
