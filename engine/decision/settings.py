"""What an answer must be worth, and what its evidence is worth."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from engine.ranking.weights import Weights
from engine.settings import Finite, Section, Share


class DecisionSettings(Section):
    """What an answer must be worth.

    Attributes
    ----------
    target_error_rate : float
        Share of accepted answers that may be wrong, (0, 1); the accept threshold follows from it.
    bound_confidence : float
        Of the one-sided upper bound that must keep below it, (0.5, 1).
    set_size : int
        Rows that an AMBIGUOUS answer offers at most.
    set_probability : float
        With which the offered rows should hold the right one, [0, 1].
    reject_below : float
        Nothing is close (NO_MATCH) when the first `set_size` rows hold the right one with less
        than this probability, [0, 1].
    """

    target_error_rate: Annotated[float, Field(gt=0.0, lt=1.0, strict=True)]
    bound_confidence: Annotated[float, Field(gt=0.5, lt=1.0, strict=True)]
    set_size: Annotated[int, Field(ge=1, le=5, strict=True)]
    set_probability: Share
    reject_below: Share


class SetModel(Section):
    """Log-odds that the right row is among the first of a ranking: an intercept and slopes.

    Attributes
    ----------
    intercept : float
    score : float
        Per unit of the best row's score, its usage left out.
    margin : float
        Per unit of the square root of the score's lead over the first row outside the set.
    additions : float
        Per thing that the best row says and the name does not.
    completeness : float
        Per unit of the share of the name that was understood.
    """

    intercept: Finite
    score: Finite
    margin: Finite
    additions: Finite
    completeness: Finite


class Calibration(Section):
    """Turns the evidence for an answer into the probability that it is right: plain numbers.

    Attributes
    ----------
    first : tuple of SetModel
        One for the first row alone, one for the first two rows, and so on up to five.
    accept_threshold : float or None
        Lowest confidence of a MATCH, [0, 1]; None when no threshold meets the target: nothing is
        accepted.
    catalogue, weights, settings : str
        Hashes of what it was fitted on; elsewhere it is a default, and the output says so.
    """

    first: Annotated[tuple[SetModel, ...], Field(min_length=5, max_length=5)]
    accept_threshold: Share | None
    catalogue: str
    weights: str
    settings: str


class Judgement(NamedTuple):
    """What turns the facts about a name into an answer.

    Attributes
    ----------
    weights : Weights
    calibration : Calibration
    decision : DecisionSettings
    """

    weights: Weights
    calibration: Calibration
    decision: DecisionSettings
