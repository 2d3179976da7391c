"""Tree-structured Parzen estimator, multivariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna
from typing_extensions import override

from studies.records import coordinate_distributions
from studies.samplers.base import LearningStrategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from studies.samplers.base import Problem


class TPE(LearningStrategy):
    """Optuna's TPE over the box of coordinates.

    Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization"; multivariate
    form: Falkner et al. (2018), "BOHB".
    """

    name = "tpe"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        box = coordinate_distributions(problem.space)
        # As Optuna reads it from trials: in alphabetical order, without axes of a single value.
        self._sampler = _TPEInBox(
            {name: axis for name, axis in sorted(box.items()) if not axis.single()}
        )

    @override
    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        self._sampler.seed(self.trial_seed(number))
        return self._sampler


class _TPEInBox(optuna.samplers.TPESampler):
    """Optuna's sampler, spared what costs time and changes no proposal here.

    The box is given, where Optuna compares all earlier trials to find it; one process asks for
    one trial after the other, so there are no running trials to keep away from; every trial has
    every axis, all of them floats. ``tests/studies_tests/test_samplers.py`` compares the proposals
    with those of Optuna's own.

    Parameters
    ----------
    box : mapping of str to distribution
    """

    def __init__(self, box: Mapping[str, BaseDistribution]) -> None:
        super().__init__(constant_liar=False)
        self._box = box

    def seed(self, seed: int) -> None:
        """Start again, as if made with this seed."""
        for state in (self._rng, self._random_sampler._rng):  # noqa: SLF001
            state.rng.seed(seed)

    @override
    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._box)

    @override
    def _get_internal_repr(
        self,
        trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
        study: optuna.Study,
    ) -> dict[str, NDArray[np.float64]]:
        points = [trial.params for trial in trials]
        return {name: np.array([point[name] for point in points]) for name in search_space}
