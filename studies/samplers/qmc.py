"""Quasi-Monte Carlo: draws that fill the box more evenly than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.stats import qmc
from typing_extensions import override

from studies.samplers.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.samplers.base import Proposal, Tried

_BATCH = 64


class QuasiMonteCarlo(Strategy):
    """The points of a scrambled Sobol sequence, in order.

    Source: Bergstra and Bengio (2012), section 4, for the search; Owen (1998), "Scrambling Sobol'
    and Niederreiter-Xing points", for the sequence, as ``scipy.stats.qmc.Sobol``.
    """

    name = "qmc"

    @override
    def proposals(self, history: Sequence[Tried], n_most: int) -> Sequence[Proposal]:
        n_axes = len(self.problem.space.coordinates)
        sequence = qmc.Sobol(n_axes, scramble=True, rng=self.problem.seed)
        sequence.fast_forward(len(self.own(history)))
        # Sobol warns of a first draw that is no power of 2; single draws of a sequence are meant
        draws = [sequence.random(1)[0] for _ in range(min(n_most, _BATCH))]
        return [self.problem.proposal_at(draw, self.name) for draw in draws]
