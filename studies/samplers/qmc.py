"""Quasi-Monte Carlo: draws that fill the box more evenly than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.stats import qmc
from typing_extensions import override

from studies.samplers.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.trial import Trial


class QuasiMonteCarlo(Strategy):
    """The points of a scrambled Sobol sequence, in order.

    Source: Bergstra and Bengio (2012), section 4, for the search; Owen (1998), "Scrambling Sobol'
    and Niederreiter-Xing points", for the sequence, as ``scipy.stats.qmc.Sobol``.
    """

    name = "qmc"
    summary = "evenly spread weights (Sobol sequence)"
    places_many = True

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        n_axes = len(self.problem.space.coordinates)
        sequence = qmc.Sobol(n_axes, scramble=True, rng=self.problem.seed)
        first = self.index_of(numbers.start, history)
        if first:  # SciPy cannot go forward by nothing
            sequence.fast_forward(first)
        # drawn one by one: SciPy warns of first draws that are no power of 2
        draws = [sequence.random(1)[0] for _ in numbers]
        return [self.problem.proposal_at(draw, self.name) for draw in draws]
