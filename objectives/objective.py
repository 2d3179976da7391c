"""The objective: how good one set of weights is on the tuning sites and the sanity set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from engine.coefficients import effective_coefficients
from objectives.line_profile import profile
from objectives.metrics import recall_at_k
from objectives.trial_bank import Part, TrialBank
from objectives.truth import CRITICAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.settings import Weights
    from objectives.configuration import ObjectiveSettings
    from objectives.labelled_bank import LabelledBank
    from objectives.lines import Line


class RungReport(Protocol):
    """Called at each rung of a trial; returns whether to stop the trial there."""

    def __call__(self, rung: int, value: float) -> bool:
        """Take the value over the cases scored so far."""
        ...


class Valuation(NamedTuple):
    """What an evaluation found.

    Attributes
    ----------
    value : float
        In [0, 1]; of the cases scored so far when stopped early.
    site_accuracies : dict
        accuracy@1 of each tuning site.
    sanity_accuracy : float
    critical_errors : int or None
        Dangerous winners at the tuning sites and in the sanity set; None when stopped early.
    critical_by_kind : dict or None
        The same by `CRITICAL_KINDS`; a winner may count for several kinds.
    n_cases_scored : int
        Of the tuning sites.
    """

    value: float
    site_accuracies: dict[str, float]
    sanity_accuracy: float
    critical_errors: int | None
    critical_by_kind: dict[str, int] | None
    n_cases_scored: int


class Full(NamedTuple):
    """An evaluation over all cases, with the value at each rung on the way."""

    valuation: Valuation
    rungs: dict[int, float]


class Stretches(NamedTuple):
    """The objective along a line: open intervals in each of which it is constant.

    Attributes
    ----------
    edges : ndarray of float64, shape (n_intervals + 1,)
        Rising; the first and the last are the ends of the line.
    values : ndarray of float64, shape (n_intervals,)
        In [0, 1].
    critical : ndarray of int64, shape (n_intervals, n_kinds)
        Dangerous winners, by `CRITICAL_KINDS`.
    """

    edges: NDArray[np.float64]
    values: NDArray[np.float64]
    critical: NDArray[np.int64]


def _never_stop(rung: int, value: float) -> bool:  # noqa: ARG001 - a RungReport
    return False


class WeightObjective:
    """Values weights: ``(1 - w)`` x macro mean of accuracy@1 over sites + ``w`` x sanity set.

    The cases stand in one seeded order, cut into chunks; at each rung (a share of the chunks) the
    value over the cases so far is reported and the evaluation may be stopped. After tuning the
    sanity set is in-sample.

    Parameters
    ----------
    tuning : LabelledBank
        Answerable cases of the tuning sites.
    sanity : LabelledBank
        Answerable cases of the sanity set.
    settings : ObjectiveSettings
    """

    def __init__(
        self, tuning: LabelledBank, sanity: LabelledBank, settings: ObjectiveSettings
    ) -> None:
        n_cases = len(tuning.cases)
        self._sanity_weight = settings.sanity_weight
        self.sites = sorted({case.site for case in tuning.cases})
        number = {site: i for i, site in enumerate(self.sites)}
        groups = np.array([number[case.site] for case in tuning.cases], dtype=np.intp)
        ends = [*range(settings.chunk_size, n_cases, settings.chunk_size), n_cases]
        wanted = {int(np.ceil(share * len(ends))) for share in settings.rungs}
        self._rungs = [*sorted(rung for rung in wanted if 0 < rung < len(ends)), len(ends)]
        place = np.empty(n_cases, dtype=np.intp)
        place[np.random.default_rng(settings.seed).permutation(n_cases)] = np.arange(n_cases)
        segments = np.searchsorted([ends[rung - 1] for rung in self._rungs], place, side="right")
        n_sites = len(self.sites)
        first = np.zeros(len(sanity.cases), dtype=np.intp)
        self.bank = TrialBank(
            [Part(tuning, groups, segments), Part(sanity, first + n_sites, first)],
            n_groups=n_sites + 1,
            n_segments=len(self._rungs),
        )
        found = np.bincount(groups, tuning.labels.is_gold.any(axis=1), n_sites)
        self._ceiling = self._mix(found / np.bincount(groups), recall_at_k(sanity.labels))

    @property
    def ceiling(self) -> float:
        """The value if every gold row among the candidates ranked first, in [0, 1]."""
        return self._ceiling

    def evaluate(self, weights: Weights, report: RungReport = _never_stop) -> Valuation:
        """Score segment after segment; stop at a rung when `report` says so."""
        coefficients = effective_coefficients(weights)[None]
        correct = np.zeros(len(self.sites) + 1, dtype=np.int64)
        n_cases = np.zeros_like(correct)
        critical = 0
        by_kind = np.zeros(len(CRITICAL_KINDS), dtype=np.int64)
        for segment, rung in enumerate(self._rungs):
            tally = self.bank.tally(segment, coefficients)
            correct += tally.correct[0]
            n_cases += self.bank.n_cases[segment]
            critical += int(tally.critical[0])
            by_kind += tally.critical_by_kind[0]
            so_far = self._valuation(correct, n_cases)
            if rung != self._rungs[-1] and report(rung, so_far.value):
                return so_far
        return _with_critical(so_far, critical, by_kind)

    def evaluate_many(self, weights: Sequence[Weights]) -> list[Full]:
        """Score many sets of weights over all cases at once; each as `evaluate` would."""
        coefficients = np.array([effective_coefficients(one) for one in weights])
        tallies = [self.bank.tally(segment, coefficients) for segment in range(len(self._rungs))]
        correct = np.cumsum([tally.correct for tally in tallies], axis=0)
        n_cases = np.cumsum(self.bank.n_cases, axis=0)
        critical = np.sum([tally.critical for tally in tallies], axis=0)
        by_kind = np.sum([tally.critical_by_kind for tally in tallies], axis=0)
        evaluations = []
        for number in range(len(weights)):
            *on_the_way, last = (
                self._valuation(correct[segment, number], n_cases[segment])
                for segment in range(len(self._rungs))
            )
            reports = zip(self._rungs, on_the_way, strict=False)
            evaluations.append(
                Full(
                    _with_critical(last, int(critical[number]), by_kind[number]),
                    {rung: valuation.value for rung, valuation in reports},
                )
            )
        return evaluations

    def along(self, line: Line) -> Stretches:
        """Value every place of a line at once, exactly."""
        found = profile(self.bank.blocks, line)
        shares = found.correct / self.bank.n_cases.sum(axis=0)
        macro = sum(shares.T[:-1]) / len(self.sites)  # summed as `_mix` sums
        values = (1 - self._sanity_weight) * macro + self._sanity_weight * shares[:, -1]
        return Stretches(found.edges, values, found.critical)

    def _valuation(self, correct: NDArray[np.int64], n_cases: NDArray[np.int64]) -> Valuation:
        """Turn counts into a valuation; a site without a case so far is left out."""
        seen = np.flatnonzero(n_cases[:-1])
        shares = correct[seen] / n_cases[seen]
        sanity = float(correct[-1] / n_cases[-1])
        return Valuation(
            value=self._mix(shares, sanity),
            site_accuracies={
                self.sites[site]: float(share) for site, share in zip(seen, shares, strict=True)
            },
            sanity_accuracy=sanity,
            critical_errors=None,
            critical_by_kind=None,
            n_cases_scored=int(n_cases[:-1].sum()),
        )

    def _mix(self, shares: NDArray[np.float64], sanity: float) -> float:
        macro: float = sum(shares.tolist()) / len(shares)
        return (1 - self._sanity_weight) * macro + self._sanity_weight * sanity


def _with_critical(so_far: Valuation, n_critical: int, by_kind: NDArray[np.int64]) -> Valuation:
    """Complete a valuation of all cases."""
    counts = dict(zip(CRITICAL_KINDS, by_kind.tolist(), strict=True))
    return so_far._replace(critical_errors=n_critical, critical_by_kind=counts)
