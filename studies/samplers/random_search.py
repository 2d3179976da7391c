"""Random search: independent draws, uniform on the simplices and in the box."""

from __future__ import annotations

import optuna
from typing_extensions import override

from studies.samplers.base import Strategy


class RandomSearch(Strategy):
    """Uniform draws.

    Source: Bergstra and Bengio (2012), "Random search for hyper-parameter optimization".
    """

    name = "random_search"

    @override
    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=self.trial_seed(number))
