"""Tree-structured Parzen estimator, multivariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial
from typing_extensions import override

from studies.records import coordinate_distributions
from studies.samplers.base import Proposal, Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution

    from studies.samplers.base import Problem, Tried, Turn


class TPE(Strategy):
    """Optuna's TPE over the box of coordinates.

    Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization"; multivariate
    form: Falkner et al. (2018), "BOHB".
    """

    name = "tpe"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._axes = coordinate_distributions(problem.space)
        # As Optuna reads it from trials: in alphabetical order, without axes of a single value.
        self._box = {name: axis for name, axis in sorted(self._axes.items()) if not axis.single()}
        self._low = {axis.name: axis.low for axis in problem.space.coordinates}
        self._sampler = _TPEInBox()
        self.forget()

    @override
    def forget(self) -> None:
        self._study = optuna.create_study(direction="maximize")
        self._shown: set[int] = set()

    @override
    def proposals(self, history: Sequence[Tried], turn: Turn) -> Sequence[Proposal]:
        for tried in history:
            if tried.number not in self._shown:
                self._study.add_trial(self._as_optuna(tried))
                self._shown.add(tried.number)
        self._study._thread_local.cached_all_trials = None  # noqa: SLF001 - as `Study.ask` does
        number = turn.numbers.start
        self._sampler.seed(self.trial_seed(number))
        trial = create_trial(state=TrialState.RUNNING)
        trial.number = number
        learned = self._sampler.sample_relative(self._study, trial, self._box)
        point = {}
        for name, axis in self._axes.items():
            if axis.single():
                point[name] = self._low[name]
            elif name in learned:
                point[name] = learned[name]
            else:  # the first few trials are drawn at random
                point[name] = self._sampler.sample_independent(self._study, trial, name, axis)
        return [Proposal(self.problem.space.decode(point), point, self.name, teaches=True)]

    def _as_optuna(self, tried: Tried) -> FrozenTrial:
        return create_trial(
            state=_state(tried),
            value=tried.value,
            params=dict(tried.point),
            distributions=self._axes,
            intermediate_values=_last_rung(tried),
            constraints=dict(tried.constraints),
        )


def _last_rung(tried: Tried) -> dict[int, float]:
    """Return the one rung that TPE reads, where a trial was stopped."""
    if tried.value is not None or not tried.rungs:
        return {}
    last = max(tried.rungs)
    return {last: tried.rungs[last]}


def _state(tried: Tried) -> TrialState:
    if tried.value is not None:
        return TrialState.COMPLETE
    return TrialState.FAIL if tried.so_far is None else TrialState.PRUNED


class _TPEInBox(optuna.samplers.TPESampler):
    """Optuna's sampler, spared what costs time and changes no proposal here.

    One process asks for one trial after the other, so there are no running trials to keep away
    from; every trial has every axis, all of them floats. ``tests/studies_tests/test_samplers.py``
    compares the proposals with those of Optuna's own.
    """

    def __init__(self) -> None:
        super().__init__(constant_liar=False)

    def seed(self, seed: int) -> None:
        """Start again, as if made with this seed."""
        for state in (self._rng, self._random_sampler._rng):  # noqa: SLF001
            state.rng.seed(seed)

    @override
    def _get_internal_repr(
        self,
        trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
        study: optuna.Study,
    ) -> dict[str, NDArray[np.float64]]:
        points = [trial.params for trial in trials]
        return {name: np.array([point[name] for point in points]) for name in search_space}
