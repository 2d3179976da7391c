"""Tree-structured Parzen estimator, multivariate."""

from __future__ import annotations

import optuna
from typing_extensions import override

from studies.samplers.base import LearningStrategy


class TPE(LearningStrategy):
    """Optuna's TPE over the box of coordinates.

    Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization"; multivariate
    form: Falkner et al. (2018), "BOHB".
    """

    name = "tpe"

    @override
    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(seed=self.trial_seed(number))
