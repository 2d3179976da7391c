"""Begin with the best trials of another study: a new release or site starts from the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import optuna
from optuna.trial import TrialState

from engine.coefficients import exact_coefficients
from engine.errors import StudyError
from objectives.search_space import WEIGHT_NAMES, real_weights, weights_of
from studies.gate_looks import count_looks
from studies.records import is_feasible, reading, weights_of_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.settings import Weights
    from objectives.search_space import SearchSpace

_ATTRIBUTE = "warm_start"
_N_TAKEN = 10
_TOLERANCE = 1e-3  # weights have four decimals, shares of shares less


class WarmStart(NamedTuple):
    """Weights that a study tries after its trial 0.

    Attributes
    ----------
    source : str
        The study they come from; empty of none.
    weights : tuple of Weights
        The best first, each once.
    n_looks : int
        Looks at the gate that led to them, in that study and those that it began from.
    """

    source: str
    weights: tuple[Weights, ...]
    n_looks: int


NO_WARM_START = WarmStart("", (), 0)


def take_warm_start(
    study: optuna.Study, source: str | None, space: SearchSpace, current: Weights
) -> WarmStart:
    """Take the best feasible trials of another study, or what this study took when it began.

    The weights are tried anew: a value on other cases says nothing here.

    Parameters
    ----------
    study : optuna.Study
    source : str or None
        A study in the same storage; None of none.
    space : SearchSpace
        What lies outside is left out.
    current : Weights
        Trial 0 of this study; left out too.

    Raises
    ------
    StudyError
        When there is no such study, it has no trial that may be taken,
        or this study has begun otherwise.
    """
    stored = study.user_attrs.get(_ATTRIBUTE)
    if stored is not None:
        if source not in (None, stored["source"]):
            raise StudyError(
                f"study {study.study_name!r} began from {stored['source']!r}; start another one "
                f"with --study-name NAME to begin from {source!r}"
            )
        weights = tuple(weights_of(one) for one in stored["weights"])
        return WarmStart(stored["source"], weights, stored["n_looks"])
    if source is None:
        return NO_WARM_START
    if study.get_trials(deepcopy=False):
        raise StudyError(
            f"study {study.study_name!r} has trials already; start another one with "
            f"--study-name NAME to begin from {source!r}"
        )
    other = _load(study, source)
    best = _best_weights(other, space, current)
    n_looks = count_looks(other) + other.user_attrs.get(_ATTRIBUTE, {"n_looks": 0})["n_looks"]
    study.set_user_attr(
        _ATTRIBUTE,
        {
            "source": source,
            "weights": [real_weights(one) for one in best],
            "n_looks": n_looks,
        },
    )
    return WarmStart(source, tuple(best), n_looks)


def _load(study: optuna.Study, source: str) -> optuna.Study:
    storage = study._storage  # noqa: SLF001 - Optuna offers no other way to it
    names = optuna.get_all_study_names(storage)
    if source not in names:
        others = ", ".join(sorted({*names} - {study.study_name})) or "none"
        raise StudyError(f"--warm-start {source!r}: no such study; there are: {others}")
    other = optuna.load_study(study_name=source, storage=storage)
    with reading(source):  # at once: later it is not known whose fault it is
        other.get_trials(deepcopy=False)
        _ = other.user_attrs
    return other


def _best_weights(other: optuna.Study, space: SearchSpace, current: Weights) -> Sequence[Weights]:
    source = other.study_name
    records = other.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    usable = [r for r in records if is_feasible(r) and {*r.params} == {*WEIGHT_NAMES}]
    usable.sort(key=lambda record: -(record.value or 0.0))
    best = list(dict.fromkeys(weights_of_record(record) for record in usable))
    if not best:
        raise StudyError(f"--warm-start {source!r}: it has no complete trial to begin with")
    normals, least = space.walls
    inside = [
        one
        for one in best
        if np.all(normals @ exact_coefficients(one) >= least - _TOLERANCE) and one != current
    ]
    if not inside:
        raise StudyError(
            f"--warm-start {source!r}: it tried nothing but the current weights inside "
            "study.bounds and the ranges asked for; widen them"
        )
    return inside[:_N_TAKEN]
