"""Trials as the database keeps them: real weights, and the coordinates they came from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.search_space import WEIGHT_NAMES, SearchSpace, real_weights, weights_of
from studies.trial import Trial
from support.errors import StudyError, hide_passwords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.ranking.weights import Weights

_COORDINATES = "coordinates"
_ORIGIN = "origin"
_TRACEBACK = "traceback"
_CRITICAL_BY_KIND = "critical_by_kind"  # a field of `Valuation`
CRITICAL_CONSTRAINTS = {kind: f"critical_{kind}_above_baseline" for kind in CRITICAL_KINDS}
_PART_VALUES = "part_values"


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
    trial: Trial,
    ranges: Mapping[str, FloatDistribution],
    allowed: Mapping[str, int],
    failure: str = "",
) -> FrozenTrial:
    """Turn a finished trial into the record that goes into the database in one transaction.

    Parameters
    ----------
    trial : Trial
        That has run.
    ranges : mapping of str to FloatDistribution
        As `weight_distributions` gives them.
    allowed : mapping of str to int
        Critical errors by kind that it may have; what it has itself where a kind is not listed.
    failure : str
        The traceback of a trial that failed.
    """
    valuation = trial.valuation
    params = real_weights(trial.weights)
    attrs: dict[str, object] = {
        _COORDINATES: dict(trial.point),
        _ORIGIN: trial.origin,
    }
    constraints: dict[str, float] = {}
    if valuation is not None:
        attrs |= {name: value for name, value in valuation._asdict().items() if name != "value"}
        found = valuation.critical_by_kind
        if found is not None:
            constraints = {
                name: float(found[kind] - allowed.get(kind, found[kind]))
                for kind, name in CRITICAL_CONSTRAINTS.items()
            }
    if trial.part_values:
        attrs[_PART_VALUES] = list(trial.part_values)
    if failure:
        attrs[_TRACEBACK] = hide_passwords(failure)
    record = FrozenTrial(  # what `create_trial` checks besides holds by construction
        number=-1,
        trial_id=-1,
        state=trial.state,
        value=trial.value,
        datetime_start=trial.started,
        datetime_complete=trial.ended,
        params=params,
        distributions={name: _including(ranges[name], params[name]) for name in params},
        user_attrs=attrs,
        system_attrs={},
        intermediate_values=dict(trial.rungs),
    )
    for name, above in constraints.items():
        record.set_constraint(name, above)
    return record


def _including(distribution: FloatDistribution, value: float) -> FloatDistribution:
    """Widen a range to a current weight that lies outside the bounds of the search."""
    if distribution.low <= value <= distribution.high:
        return distribution
    return FloatDistribution(min(distribution.low, value), max(distribution.high, value))


@contextmanager
def reading(study_name: str) -> Iterator[None]:
    """Say in one line that what is stored of a study has not the form that it was written in.

    Raises
    ------
    StudyError
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise StudyError(
            f"study {study_name!r} cannot be read ({type(error).__name__}: {error}): its database "
            "was damaged or changed by another program; restore it, or start another study with "
            "--study-name NAME"
        ) from error


def check_records(study_name: str, records: Iterable[FrozenTrial]) -> None:
    """Refuse trials that this program has not written.

    Raises
    ------
    StudyError
    """
    with reading(study_name):
        for record in records:
            attrs = record.user_attrs
            if (
                not record.state.is_finished()
                or not record.params.keys() >= set(WEIGHT_NAMES)
                or not isinstance(attrs.get(_COORDINATES), dict)
                or not isinstance(attrs.get(_ORIGIN), str)
                or (record.state is TrialState.COMPLETE and _CRITICAL_BY_KIND not in attrs)
            ):
                raise ValueError(f"trial {record.number} is not one of this program's")


def critical_by_kind(record: FrozenTrial) -> dict[str, int]:
    """Return how many critical errors of each kind a complete trial had."""
    by_kind: dict[str, int] = record.user_attrs[_CRITICAL_BY_KIND]
    return by_kind


def is_feasible(record: FrozenTrial) -> bool:
    """Tell whether a trial has no more critical errors of any kind than trial 0, as Optuna does.

    A trial that was stopped early was not counted and breaks no constraint.
    """
    return all(above <= 0 for above in record.constraints.values())


def feasible_value(record: FrozenTrial) -> float | None:
    """Return the value of a complete and feasible trial, else None."""
    if record.state is not TrialState.COMPLETE or record.value is None:
        return None
    return record.value if is_feasible(record) else None


def origin_of_record(record: FrozenTrial) -> str:
    """Return what proposed a recorded trial."""
    origin: str = record.user_attrs[_ORIGIN]
    return origin


def to_trial(record: FrozenTrial) -> Trial:
    """Return a recorded trial as strategies see it."""
    return Trial(
        weights_of_record(record),
        record.user_attrs[_COORDINATES],
        origin_of_record(record),
        number=record.number,
        state=record.state,
        value=record.value,
        rungs=record.intermediate_values,
        constraints=record.constraints,
    )


def part_values_of_record(record: FrozenTrial) -> Sequence[float]:
    """Return the value of each part alone, exactly as it was reported; JSON keeps every bit."""
    values: list[float] = record.user_attrs.get(_PART_VALUES, [])
    return values


def weights_of_record(record: FrozenTrial) -> Weights:
    """Return the weights that a recorded trial evaluated."""
    return weights_of(record.params)
