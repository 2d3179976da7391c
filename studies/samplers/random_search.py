"""Random search: independent draws, uniform on the simplices and in the box."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from studies.samplers.base import IndependentStrategy, Proposal


class RandomSearch(IndependentStrategy):
    """Uniform draws.

    Source: Bergstra and Bengio (2012), "Random search for hyper-parameter optimization".
    """

    name = "random_search"

    @override
    def proposal(self, number: int) -> Proposal:
        axes = self.problem.space.coordinates
        draws = np.random.default_rng(self.trial_seed(number)).random(len(axes)).tolist()
        point = {
            axis.name: axis.low + draw * (axis.high - axis.low)
            for axis, draw in zip(axes, draws, strict=True)
        }
        return Proposal(self.problem.space.decode(point), point)
