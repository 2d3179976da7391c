"""Tree-structured Parzen estimator, multivariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
from typing_extensions import override

from studies.records import coordinate_distributions
from studies.samplers.base import LearningStrategy

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        self._box = {name: axis for name, axis in sorted(box.items()) if not axis.single()}

    @override
    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return _TPEInBox(self.trial_seed(number), self._box)


class _TPEInBox(optuna.samplers.TPESampler):
    """Optuna's sampler, told the box that it would find by comparing all earlier trials.

    A sampler of one trial would compare them all anew.
    """

    def __init__(self, seed: int, box: Mapping[str, BaseDistribution]) -> None:
        super().__init__(seed=seed)
        self._box = box

    @override
    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._box)
