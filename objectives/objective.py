"""The objective: how good one set of weights is on the tuning sites and the sanity set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from engine.coefficients import effective_coefficients
from objectives.metrics import accuracy_at_1, recall_at_k
from objectives.scoring import winning_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.settings import Weights
    from objectives.configuration import ObjectiveSettings
    from objectives.workspace import LabelledBank


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
    n_cases_scored : int
    """

    value: float
    site_accuracies: dict[str, float]
    sanity_accuracy: float
    critical_errors: int | None
    n_cases_scored: int


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
        order = np.random.default_rng(settings.seed).permutation(n_cases)
        self._tuning = tuning.take(order)
        self._sanity = sanity
        self._sanity_weight = settings.sanity_weight
        self.sites = sorted({case.site for case in tuning.cases})
        self._site_of_case: NDArray[np.intp] = np.array(
            [self.sites.index(case.site) for case in self._tuning.cases], dtype=np.intp
        )
        self._ends = [*range(settings.chunk_size, n_cases, settings.chunk_size), n_cases]
        wanted = {int(np.ceil(share * len(self._ends))) for share in settings.rungs}
        self._rungs = sorted(rung for rung in wanted if 0 < rung < len(self._ends))

    @property
    def ceiling(self) -> float:
        """The value if every gold row among the candidates ranked first, in [0, 1]."""
        found: NDArray[np.bool_] = np.any(self._tuning.labels.is_gold, axis=1)
        by_site = self._site_accuracies(found, len(found))
        return self._mix(by_site, recall_at_k(self._sanity.labels))

    def evaluate(self, weights: Weights, report: RungReport = _never_stop) -> Valuation:
        """Score chunk after chunk; stop at a rung when `report` says so."""
        coefficients = effective_coefficients(weights)
        sanity_winners = winning_positions(self._sanity.bank.features, coefficients)
        sanity_correct, sanity_critical = _look_up(self._sanity, sanity_winners)
        sanity = accuracy_at_1(sanity_correct, self._sanity.labels.answerable)
        winners = np.zeros(len(self._tuning.cases), dtype=np.intp)
        start = 0
        for chunk, end in enumerate(self._ends, start=1):
            winners[start:end] = winning_positions(
                self._tuning.bank.features[start:end], coefficients
            )
            start = end
            if chunk in self._rungs:
                so_far = self._value(winners, end, sanity)
                if report(chunk, so_far.value):
                    return so_far
        _, critical = _look_up(self._tuning, winners)
        valued = self._value(winners, start, sanity)
        return valued._replace(critical_errors=int(critical.sum() + sanity_critical.sum()))

    def _value(self, winners: NDArray[np.intp], n_scored: int, sanity: float) -> Valuation:
        correct = self._tuning.labels.is_gold[np.arange(n_scored), winners[:n_scored]]
        by_site = self._site_accuracies(correct, n_scored)
        return Valuation(self._mix(by_site, sanity), by_site, sanity, None, n_scored)

    def _site_accuracies(self, correct: NDArray[np.bool_], n_scored: int) -> dict[str, float]:
        """Return the accuracy of every site that has a case among the first `n_scored`."""
        sites = self._site_of_case[:n_scored]
        n_cases = np.bincount(sites, minlength=len(self.sites))
        n_correct = np.bincount(sites, weights=correct, minlength=len(self.sites))
        return {
            site: float(n_correct[i] / n_cases[i])
            for i, site in enumerate(self.sites)
            if n_cases[i]
        }

    def _mix(self, by_site: dict[str, float], sanity: float) -> float:
        macro = sum(by_site.values()) / len(by_site)
        return (1 - self._sanity_weight) * macro + self._sanity_weight * sanity


def _look_up(
    labelled: LabelledBank, winners: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which winners are right and which are dangerous, each of shape (n_cases,)."""
    cases = np.arange(len(winners))
    labels = labelled.labels
    critical: NDArray[np.bool_] = np.any(labels.critical[cases, winners], axis=-1)
    return labels.is_gold[cases, winners], critical
