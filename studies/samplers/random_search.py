"""Random search: independent draws, uniform on the simplices and in the box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from studies.samplers.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.trial import Trial


class RandomSearch(Strategy):
    """Uniform draws.

    Source: Bergstra and Bengio (2012), "Random search for hyper-parameter optimization".
    """

    name = "random_search"
    summary = "random weights"
    places_many = True

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        n_axes = len(self.problem.space.coordinates)
        draws = (
            np.random.default_rng(self.trial_seed(number)).random(n_axes) for number in numbers
        )
        return [self.problem.proposal_at(draw, self.name) for draw in draws]
