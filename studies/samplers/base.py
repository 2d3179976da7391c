"""What every strategy does: say where the next trial of a study goes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import optuna

    from engine.settings import Weights
    from objectives.search_space import SearchSpace


class Problem(NamedTuple):
    """What a strategy may know.

    Attributes
    ----------
    current : Weights
        The configured weights: trial 0 of every study.
    space : SearchSpace
    grid : mapping of str to sequence of float
        Values that ``grid_search`` tries for single weights.
    seed : int
    """

    current: Weights
    space: SearchSpace
    grid: Mapping[str, Sequence[float]]
    seed: int


class Proposal(NamedTuple):
    """Where a trial goes.

    Attributes
    ----------
    weights : Weights
    point : mapping of str to float
        The same in search coordinates.
    """

    weights: Weights
    point: Mapping[str, float]


class Tried(NamedTuple):
    """A finished trial as strategies see it.

    Attributes
    ----------
    point : mapping of str to float
        Search coordinates.
    value : float or None
        In [0, 1]; None when it was pruned or failed.
    is_feasible : bool
        Whether it is complete and has no more critical errors than trial 0.
    so_far : float or None
        Value over the cases that were scored; None when it failed.
    """

    point: Mapping[str, float]
    value: float | None
    is_feasible: bool
    so_far: float | None = None


class BaseStrategy(ABC):
    """Proposes weights, one trial after the other.

    A proposal depends on the problem, the trial's number and the finished trials only, never on
    the strategy's own past: an interrupted study goes on as if it had not been interrupted.

    Parameters
    ----------
    problem : Problem
    """

    name: ClassVar[str]

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def current(self) -> Proposal:
        """Return the configured weights: trial 0 of every study."""
        weights = self.problem.current
        return Proposal(weights, self.problem.space.encode(weights))

    def plan(self, done: Sequence[Weights], n_trials: int) -> str | None:  # noqa: ARG002 - a hook
        """Prepare for `n_trials` trials in all, knowing the weights of those that are done.

        Returns
        -------
        str or None
            A line for the user when fewer or other trials than asked for will run.
        """
        return None

    def exhausted(self, number: int) -> bool:  # noqa: ARG002 - a hook
        """Tell whether there is nothing left to propose for trial `number`."""
        return False

    def trial_seed(self, number: int) -> int:
        """Return the seed of trial `number`, independent of every other trial's."""
        return int(np.random.SeedSequence([self.problem.seed, number]).generate_state(1)[0])


class BatchStrategy(BaseStrategy):
    """A strategy that places several trials at once: they can be valued in one pass."""

    @abstractmethod
    def proposals(self, history: Sequence[Tried], n_most: int) -> Sequence[Proposal]:
        """Return where the next trials go.

        Parameters
        ----------
        history : sequence of Tried
            Every finished trial, trial 0 first; its length is the number of the next trial.
        n_most : int
            Trials that are left, 1 or more.

        Returns
        -------
        sequence of Proposal
            1 to `n_most` of them.
        """


class LearningStrategy(BaseStrategy):
    """A strategy that learns from finished trials, through one of Optuna's samplers."""

    @abstractmethod
    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """Return the sampler that places trial `number` in the box of coordinates."""
