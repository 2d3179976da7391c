"""From the evidence for an answer to the probability that it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.decision.evidence import Evidence
    from engine.decision.settings import SetModel

_WIDEST_MARGIN = 1.0  # score units
_DECIMALS = 6  # of a probability: the same on every machine


class Grounds(NamedTuple):
    """What the confidence of one answer rests on.

    Attributes
    ----------
    score : float
        Of the first row, without what its usage adds.
    lead : float
        Over the second row, as far as it counts; 0 without a second row.
    additions : float
        Things that the first row says and the name does not.
    completeness : float
        Share of the name that was understood, [0, 1].
    """

    score: float
    lead: float
    additions: float
    completeness: float


def grounds(evidence: Evidence) -> Grounds:
    """Return what the confidence of the one answer in the evidence rests on."""
    ((score, margin, additions, completeness),) = calibration_inputs(evidence, 1).tolist()
    return Grounds(score, margin**2, additions, completeness)


def calibration_inputs(evidence: Evidence, n_rows: int) -> NDArray[np.float64]:
    """Return what the probability that the first `n_rows` rows hold the right one rests on.

    Parameters
    ----------
    evidence : Evidence
    n_rows : int
        At least 1, less than the number of scores in the evidence.

    Returns
    -------
    ndarray of float64, shape (n_cases, 4)
        The columns of `engine.decision.settings.SetModel`: score, margin, additions, completeness.
    """
    scores = evidence.scores.astype(np.float64)
    best, outside = scores[:, 0], scores[:, n_rows]
    score = np.where(np.isfinite(best), best - evidence.usage_part, 0.0)
    lead = np.zeros(len(best))  # a row without a rival has not stood out from any
    np.subtract(best, outside, out=lead, where=np.isfinite(outside))
    margin = np.sqrt(np.minimum(lead, _WIDEST_MARGIN))
    return np.column_stack([score, margin, evidence.additions, evidence.completeness])


def set_probabilities(evidence: Evidence, first: Sequence[SetModel]) -> NDArray[np.float64]:
    """Return the probability that the right row is among the first rows.

    Parameters
    ----------
    evidence : Evidence
    first : sequence of SetModel
        For the first row, the first two rows, and so on.

    Source: Platt (1999), "Probabilistic outputs for support vector machines", with the evidence
    instead of one score.

    Returns
    -------
    ndarray of float64, shape (n_cases, n_models)
        In [0, 1], for the first row, the first two rows, ...; never falling along a row. Terms
        are added one after the other, so that one case gives what it gives among many.
    """
    columns = []
    for n_rows, model in enumerate(first, start=1):
        inputs = calibration_inputs(evidence, n_rows)
        log_odds = np.full(len(inputs), model.intercept)
        slopes = (model.score, model.margin, model.additions, model.completeness)
        for column, slope in enumerate(slopes):
            log_odds = log_odds + slope * inputs[:, column]
        columns.append(1.0 / (1.0 + np.exp(-np.clip(log_odds, -500.0, 500.0))))
    rising: NDArray[np.float64] = np.maximum.accumulate(np.column_stack(columns), axis=1)
    rising[~np.isfinite(evidence.scores[:, 0])] = 0.0
    return rising.round(_DECIMALS)
