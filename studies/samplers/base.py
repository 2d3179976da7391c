"""What every strategy does: say where the next trials of a study go."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from studies.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.objective import WeightObjective
    from objectives.search_space import SearchSpace


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

    def proposal(self, weights: Weights, origin: str) -> Trial:
        """Propose weights of the space."""
        return Trial(weights, self.space.encode(weights), origin)

    def proposal_at(
        self, unit: NDArray[np.float64], origin: str, *, teaches: bool = False
    ) -> Trial:
        """Propose a place of the unit box, shape (n_coordinates,), as wide as the space."""
        axes = self.space.coordinates
        point = {
            axis.name: axis.low + share * (axis.high - axis.low)
            for axis, share in zip(axes, unit.tolist(), strict=True)
        }
        return Trial(self.space.decode(point), point, origin, teaches)

    def unit_of(self, point: Mapping[str, float]) -> NDArray[np.float64]:
        """Return where search coordinates lie in the unit box, shape (n_coordinates,)."""
        return np.array(
            [
                (point[axis.name] - axis.low) / ((axis.high - axis.low) or 1.0)
                for axis in self.space.coordinates
            ]
        )


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
    summary: ClassVar[str]
    """Where it proposes weights, in a few words for users."""
    places_many: ClassVar[bool] = False
    """Whether proposals come several at once, none of them depending on another's value."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        """Return where the next trials go.

        Parameters
        ----------
        history : sequence of Trial
            Every trial before the first of `numbers`, in order.
        numbers : range
            Trials that may be placed now, at least one.

        Returns
        -------
        sequence of Trial
            One or more, for the first of `numbers`.
        """

    def note(self, n_proposals: int) -> str | None:  # noqa: ARG002 - a hook
        """Return a line for the user when so many proposals are not what one might expect."""
        return None

    def ended(self, history: Sequence[Trial]) -> str | None:  # noqa: ARG002 - a hook
        """Say in words why there is nothing left to propose, or return None."""
        return None

    def index_of(self, number: int, history: Sequence[Trial]) -> int:
        """Return which proposal of this strategy a trial is, from 0: given trials come first."""
        return number - sum(1 for _ in itertools.takewhile(lambda one: one.is_given, history))

    def trial_seed(self, number: int) -> int:
        """Return the seed of trial `number`, independent of every other trial's."""
        return int(np.random.SeedSequence([self.problem.seed, number]).generate_state(1)[0])
