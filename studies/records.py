"""Trials as the database keeps them: real weights, and the coordinates they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.search_space import WEIGHT_NAMES, SearchSpace, real_weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from engine.settings import Weights
    from objectives.objective import Valuation

_COORDINATES = "coordinates"
_TRACEBACK = "traceback"
_PART_VALUES = "part_values"
CRITICAL_CONSTRAINT = "critical_errors_above_baseline"


class Finished(NamedTuple):
    """A trial that has ended.

    Attributes
    ----------
    state : TrialState
        COMPLETE or PRUNED; FAIL when the objective raised.
    weights : Weights
    point : mapping of str to float
        Search coordinates.
    valuation : Valuation or None
        None when the objective raised.
    rungs : mapping of int to float
        Value at each rung, over the cases so far.
    started, ended : datetime
    part_values : sequence of float
        Value of each part alone, for a pruner that reads them.
    """

    state: TrialState
    weights: Weights
    point: Mapping[str, float]
    valuation: Valuation | None
    rungs: Mapping[int, float]
    started: datetime
    ended: datetime
    part_values: Sequence[float] = ()


def weight_distributions(space: SearchSpace) -> dict[str, FloatDistribution]:
    """Return the range of every real weight, for Optuna's tables and importances."""
    box = {axis.name: axis for axis in space.coordinates}
    return {
        name: FloatDistribution(box[name].low, box[name].high)
        if name in box
        else FloatDistribution(0.0, 1.0)
        for name in WEIGHT_NAMES
    }


def coordinate_distributions(
    space: SearchSpace,
) -> dict[str, optuna.distributions.BaseDistribution]:
    """Return the box in which samplers move."""
    return {axis.name: FloatDistribution(axis.low, axis.high) for axis in space.coordinates}


def to_record(
    finished: Finished,
    ranges: Mapping[str, FloatDistribution],
    baseline_critical: int | None,
    failure: str = "",
) -> FrozenTrial:
    """Turn a finished trial into the record that goes into the database in one transaction.

    Parameters
    ----------
    finished : Finished
    ranges : mapping of str to FloatDistribution
        As `weight_distributions` gives them.
    baseline_critical : int or None
        Critical errors of trial 0; None for that trial itself.
    failure : str
        The traceback of a trial that failed.
    """
    valuation = finished.valuation
    params = real_weights(finished.weights)
    attrs: dict[str, object] = {_COORDINATES: dict(finished.point)}
    constraints: dict[str, float] | None = None
    if valuation is not None:
        attrs |= {name: value for name, value in valuation._asdict().items() if name != "value"}
        if valuation.critical_errors is not None:
            above = (
                0 if baseline_critical is None else valuation.critical_errors - baseline_critical
            )
            constraints = {CRITICAL_CONSTRAINT: float(above)}
    if finished.part_values:
        attrs[_PART_VALUES] = list(finished.part_values)
    if failure:
        attrs[_TRACEBACK] = failure
    record = create_trial(
        state=finished.state,
        value=valuation.value if valuation else None,
        params=params,
        distributions={name: _including(ranges[name], params[name]) for name in params},
        user_attrs=attrs,
        intermediate_values=dict(finished.rungs),
        constraints=constraints,
    )
    record.datetime_start, record.datetime_complete = finished.started, finished.ended
    return record


def _including(distribution: FloatDistribution, value: float) -> FloatDistribution:
    """Widen a range to a current weight that lies outside the bounds of the search."""
    if distribution.low <= value <= distribution.high:
        return distribution
    return FloatDistribution(min(distribution.low, value), max(distribution.high, value))


def to_history(record: FrozenTrial, space: SearchSpace) -> FrozenTrial:
    """Turn a record back into the trial that a sampler learns from: in coordinates."""
    point = coordinates_of_record(record)
    return create_trial(
        state=record.state,
        value=record.value,
        params=point,
        distributions=coordinate_distributions(space),
        intermediate_values=record.intermediate_values,
    )


def coordinates_of_record(record: FrozenTrial) -> dict[str, float]:
    """Return where a recorded trial lies in the box of coordinates."""
    point: dict[str, float] = record.user_attrs[_COORDINATES]
    return point


def part_values_of_record(record: FrozenTrial) -> Sequence[float]:
    """Return the value of each part alone, exactly as it was reported; JSON keeps every bit."""
    values: list[float] = record.user_attrs.get(_PART_VALUES, [])
    return values


def weights_of_record(record: FrozenTrial) -> Weights:
    """Return the weights that a recorded trial evaluated."""
    return weights_of(record.params)
