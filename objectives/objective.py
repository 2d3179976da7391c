"""The objective: how good one set of weights is on the tuning sites and the sanity set."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload

import numpy as np

from engine.ranking.coefficients import effective_coefficients
from engine.rounding import FEATURE_GRID
from objectives.bank.trial_bank import Part
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.lines.line_profile import profile
from objectives.lines.paired_profile import paired_profile
from objectives.shards.case_counts import LocalCounts
from objectives.shards.questions import (
    GradientQuestion,
    LineQuestion,
    PairedLineQuestion,
    PairedQuestion,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.bank.trial_bank import Tally
    from objectives.configuration import ObjectiveSettings
    from objectives.lines.line import Line
    from objectives.lines.paired_profile import PairedCounts
    from objectives.shards.case_counts import SpreadCases


class Rung(NamedTuple):
    """What is known of a trial after one of the equal parts of the cases.

    Attributes
    ----------
    number : int
        Parts scored so far, 1 or more.
    value : float
        Over the cases so far, in [0, 1].
    part_value : float
        Of the last part alone (and the sanity set), in [0, 1].
    most : float
        What the value over all cases cannot exceed: every remaining case counts as right whose
        gold row some weights may rank first.
    """

    number: int
    value: float
    part_value: float
    most: float


class RungReport(Protocol):
    """Called at each rung of a trial; returns whether to stop the trial there."""

    def __call__(self, rung: Rung) -> bool:
        """Take what is known so far."""
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
    """An evaluation among many, with the value at each rung on the way."""

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


class Paired(NamedTuple):
    """The objective of some weights less that of others on the same cases.

    Attributes
    ----------
    change : float
        In [-1, 1]; exactly 0 where both are equal.
    error : float
        Standard error of the change if both were equally good. 0 where no case differs.
    """

    change: float
    error: float


class PairedStretches(NamedTuple):
    """The objective along a line less the objective at its origin.

    Attributes
    ----------
    edges : ndarray of float64, shape (n_intervals + 1,)
        As in `Stretches`.
    changes, errors : ndarray of float64, shape (n_intervals,)
        As in `Paired`.
    critical : ndarray of int64, shape (n_intervals, n_kinds)
        As in `Stretches`.
    """

    edges: NDArray[np.float64]
    changes: NDArray[np.float64]
    errors: NDArray[np.float64]
    critical: NDArray[np.int64]


def never_stop(rung: Rung) -> bool:  # noqa: ARG001 - a RungReport
    """Go on to the last case."""
    return False


class WeightObjective:
    """Values weights: ``(1 - w)`` x macro mean of accuracy@1 over sites + ``w`` x sanity set.

    The cases stand in one seeded order, cut into equal parts, the sanity set in the first; after
    each part but the last the value so far is reported and the evaluation may be stopped. After
    tuning the sanity set is in-sample.

    Every value is the same rising function of the numbers of right cases, rounded alike: what
    bounds the counts bounds the value, to the last bit.

    Parameters
    ----------
    tuning : LabelledBank
        Answerable cases of the tuning sites.
    sanity : LabelledBank
        Answerable cases of the sanity set.
    settings : ObjectiveSettings
    spread : SpreadCases
        Where the cases are scored: in this process, or in shards elsewhere, with equal results.
    """

    def __init__(
        self,
        tuning: LabelledBank,
        sanity: LabelledBank,
        settings: ObjectiveSettings,
        spread: SpreadCases = LocalCounts,
    ) -> None:
        n_cases = len(tuning.cases)
        self._sanity_weight = settings.sanity_weight
        self._n_rungs = min(settings.n_rungs, n_cases)
        self.sites = sorted({case.site for case in tuning.cases})
        number = {site: i for i, site in enumerate(self.sites)}
        groups = np.array([number[case.site] for case in tuning.cases], dtype=np.intp)
        place = np.empty(n_cases, dtype=np.intp)
        place[np.random.default_rng(settings.seed).permutation(n_cases)] = np.arange(n_cases)
        n_sites = len(self.sites)
        first = np.zeros(len(sanity.cases), dtype=np.intp)
        parts = (
            Part(tuning, groups, place * self._n_rungs // n_cases),
            Part(sanity, first + n_sites, first),
        )
        self._counts = spread(parts, n_sites + 1, self._n_rungs)
        summary = self._counts.summary
        n_in_part = summary.n_cases.copy()
        n_in_part[:, -1] = len(sanity.cases)
        self._n_in_part: list[list[int]] = n_in_part.tolist()
        self._n_so_far: list[list[int]] = np.cumsum(summary.n_cases, axis=0).tolist()
        self._n_in_all = self._n_so_far[-1]
        reachable = np.cumsum(summary.n_reachable, axis=0)
        self._n_to_come = reachable[-1] - reachable
        found: list[int] = summary.n_found.tolist()
        self._ceiling = self._mix(found, self._n_in_all)

    @property
    def ceiling(self) -> float:
        """The value if every gold row among the candidates ranked first, in [0, 1]."""
        return self._ceiling

    def evaluate(self, weights: Weights, report: RungReport = never_stop) -> Valuation:
        """Score part after part; stop at a rung when `report` says so."""
        tally_at = self._counts.tallies(effective_coefficients(weights)[None])
        correct = np.zeros(len(self.sites) + 1, dtype=np.int64)
        dangers = np.zeros(1 + len(CRITICAL_KINDS), dtype=np.int64)
        for segment in range(self._n_rungs):
            tally = tally_at(segment, slice(None))
            part = tally.correct[0]
            correct += part
            dangers += _dangers(tally)[0]
            if segment + 1 < self._n_rungs and report(self._rung(segment, correct, part)):
                return self._valuation(segment, correct, None)
        return self._valuation(segment, correct, dangers)

    def evaluate_many(
        self, weights: Sequence[Weights], floor: float = float("-inf")
    ) -> list[Full]:
        """Score many sets of weights at once; each as `evaluate` would.

        Parameters
        ----------
        weights : sequence of Weights
        floor : float
            Weights that can no longer reach this value are stopped.
        """
        tally_at = self._counts.tallies(np.array([effective_coefficients(one) for one in weights]))
        correct = np.zeros((len(weights), len(self.sites) + 1), dtype=np.int64)
        dangers = np.zeros((len(weights), 1 + len(CRITICAL_KINDS)), dtype=np.int64)
        rungs: list[dict[int, float]] = [{} for _ in weights]
        stopped: dict[int, Valuation] = {}
        left = np.arange(len(weights))
        for segment in range(self._n_rungs):
            if not len(left):
                break
            tally = tally_at(segment, left)
            correct[left] += tally.correct
            dangers[left] += _dangers(tally)
            if segment + 1 == self._n_rungs:
                break
            values = self._mix(correct[left].T, self._n_so_far[segment])
            for one, value in zip(left.tolist(), values.tolist(), strict=True):
                rungs[one][segment + 1] = value
            at_most = correct[left] + self._n_to_come[segment]
            is_out = self._mix(at_most.T, self._n_in_all) < floor
            for one in left[is_out].tolist():
                stopped[one] = self._valuation(segment, correct[one], None)
            left = left[~is_out]
        for one in left.tolist():
            stopped[one] = self._valuation(-1, correct[one], dangers[one])
        return [Full(stopped[one], reports) for one, reports in enumerate(rungs)]

    def along(self, line: Line) -> Stretches:
        """Value every place of a line at once, exactly."""
        (found,) = self.along_many([line])
        return found

    def along_many(self, lines: Sequence[Line]) -> Iterator[Stretches]:
        """Value every place of some lines, exactly; all are asked for in one round."""
        answers = self._counts.answers([LineQuestion(line) for line in lines])
        for line, changes in zip(lines, answers, strict=True):
            edges, correct, critical = profile(changes, line)
            yield Stretches(edges, self._mix(correct.T, self._n_in_all), critical)

    def upwards(self, weights: Weights, margin: float) -> NDArray[np.float64]:
        """Return the direction in which right rows gain most on rivals closer than `margin`."""
        question = GradientQuestion(effective_coefficients(weights), margin)
        by_group = self._counts.answer(question)
        direction: NDArray[np.float64] = np.sum(self._worth[:, None] * by_group, axis=0)
        return direction / FEATURE_GRID

    def paired_along(self, line: Line) -> PairedStretches:
        """Compare every place of a line with its origin, exactly."""
        edges, counts, critical = paired_profile(
            self._counts.answer(PairedLineQuestion(line)), line
        )
        return PairedStretches(edges, *self._compare(counts), critical)

    def paired(self, old: Weights, new: Weights) -> Paired:
        """Compare two sets of weights case by case."""
        question = PairedQuestion(effective_coefficients(old), effective_coefficients(new))
        change, error = self._compare(self._counts.answer(question))
        return Paired(float(change), float(error))

    def _compare(self, counts: PairedCounts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the change of the value and its standard error, for counts of any shape.

        The variance of each group is that of its discordant cases, as in McNemar (1947), "Note
        on the sampling error of the difference between correlated proportions"; groups are
        independent.
        """
        old = counts.correct - counts.wins + counts.losses
        changes = self._mix(counts.correct.T, self._n_in_all) - self._mix(old.T, self._n_in_all)
        discordant = counts.wins + counts.losses
        return changes, np.sqrt(discordant @ self._worth**2)

    @functools.cached_property
    def _worth(self) -> NDArray[np.float64]:
        """What a right case of each group adds to the value, shape (n_groups,)."""
        n_sites = len(self.sites)
        shares = np.array([*[(1 - self._sanity_weight) / n_sites] * n_sites, self._sanity_weight])
        worth: NDArray[np.float64] = shares / self._n_in_all
        return worth

    def _rung(self, segment: int, correct: NDArray[np.int64], part: NDArray[np.int64]) -> Rung:
        so_far, alone = correct.tolist(), part.tolist()
        alone[-1] = so_far[-1]
        at_most = (correct + self._n_to_come[segment]).tolist()
        return Rung(
            segment + 1,
            self._mix(so_far, self._n_so_far[segment]),
            self._mix(alone, self._n_in_part[segment]),
            self._mix(at_most, self._n_in_all),
        )

    def _valuation(
        self, segment: int, correct: NDArray[np.int64], dangers: NDArray[np.int64] | None
    ) -> Valuation:
        """Turn counts into a valuation; a site without a case so far is left out."""
        counts, n_cases = correct.tolist(), self._n_so_far[segment]
        counted = zip(self.sites, counts, n_cases, strict=False)
        return Valuation(
            value=self._mix(counts, n_cases),
            site_accuracies={site: right / n for site, right, n in counted if n},
            sanity_accuracy=counts[-1] / n_cases[-1],
            critical_errors=None if dangers is None else int(dangers[0]),
            critical_by_kind=None if dangers is None else _by_kind(dangers[1:]),
            n_cases_scored=sum(n_cases[:-1]),
        )

    @overload
    def _mix(self, correct: Sequence[int], n_cases: Sequence[int]) -> float: ...

    @overload
    def _mix(self, correct: NDArray[np.int64], n_cases: Sequence[int]) -> NDArray[np.float64]: ...

    def _mix(
        self, correct: Sequence[int] | NDArray[np.int64], n_cases: Sequence[int]
    ) -> float | NDArray[np.float64]:
        """Turn right cases of each group, of one vector or of many, into values.

        Added one site after the other: one vector is rounded as it is among many.
        """
        *right_at_sites, right_in_sanity = correct
        seen = [right / n for right, n in zip(right_at_sites, n_cases, strict=False) if n]
        macro = functools.reduce(operator.add, seen) / len(seen)
        value: float | NDArray[np.float64] = (
            1 - self._sanity_weight
        ) * macro + self._sanity_weight * (right_in_sanity / n_cases[-1])
        return value


def _dangers(tally: Tally) -> NDArray[np.int64]:
    """Count dangerous winners in all and by kind, shape (n_vectors, 1 + n_kinds)."""
    return np.hstack([tally.critical[:, None], tally.critical_by_kind])


def _by_kind(counts: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(CRITICAL_KINDS, counts.tolist(), strict=True))
