"""Random search: independent draws, uniform on the simplices and in the box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from studies.samplers.base import BatchStrategy, Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.samplers.base import Tried

_BATCH = 64


class RandomSearch(BatchStrategy):
    """Uniform draws.

    Source: Bergstra and Bengio (2012), "Random search for hyper-parameter optimization".
    """

    name = "random_search"

    @override
    def proposals(self, history: Sequence[Tried], n_most: int) -> Sequence[Proposal]:
        first = len(history)
        return [self._draw(number) for number in range(first, first + min(n_most, _BATCH))]

    def _draw(self, number: int) -> Proposal:
        axes = self.problem.space.coordinates
        draws = np.random.default_rng(self.trial_seed(number)).random(len(axes)).tolist()
        point = {
            axis.name: axis.low + draw * (axis.high - axis.low)
            for axis, draw in zip(axes, draws, strict=True)
        }
        return Proposal(self.problem.space.decode(point), point)
