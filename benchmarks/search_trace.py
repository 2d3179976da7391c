"""What a search had found after so many trials, or after so many seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from optuna.trial import TrialState

from studies.storage.trial_records import is_feasible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from optuna.trial import FrozenTrial


class Step(NamedTuple):
    """A trial that was better than every one before it.

    Attributes
    ----------
    n_trials : int
        Trials up to this one, itself included.
    seconds : float
        From the start of the search to its end.
    value : float
        In [0, 1].
    weights : mapping of str to float
        Real weights by name.
    """

    n_trials: int
    seconds: float
    value: float
    weights: Mapping[str, float]


def steps_of(records: Sequence[FrozenTrial], started: datetime) -> list[Step]:
    """Return the trials of a study that were complete, feasible and better than all before.

    Parameters
    ----------
    records : sequence of FrozenTrial
        Every finished trial, in order.
    started : datetime
        Local, as Optuna's own times.
    """
    steps: list[Step] = []
    for number, record in enumerate(records):
        if record.state is not TrialState.COMPLETE or record.value is None:
            continue
        is_better = not steps or record.value > steps[-1].value
        if is_better and is_feasible(record) and record.datetime_complete is not None:
            seconds = (record.datetime_complete - started).total_seconds()
            steps.append(Step(number + 1, seconds, record.value, record.params))
    return steps


def after_trials(steps: Sequence[Step], n_trials: int) -> Step:
    """Return the best of the first so many trials; the first of all where there is none."""
    return [steps[0], *(step for step in steps if step.n_trials <= n_trials)][-1]


def after_seconds(steps: Sequence[Step], seconds: float) -> Step:
    """Return the best after so many seconds; the first of all (trial 0) before it has ended."""
    return [steps[0], *(step for step in steps if step.seconds <= seconds)][-1]


def share_of_gain(steps: Sequence[Step], seconds: float) -> float:
    """Return which share of its final gain over trial 0 a search has after so many seconds.

    In [0, 1]; 1 of a search that gains nothing.
    """
    first, last = steps[0].value, steps[-1].value
    if last == first:
        return 1.0
    return (after_seconds(steps, seconds).value - first) / (last - first)
