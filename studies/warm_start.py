"""Begin with the best trials of another study: a new release or site starts from the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import optuna
from optuna.trial import TrialState

from engine.coefficients import exact_coefficients
from engine.errors import StudyError
from objectives.search_space import WEIGHT_NAMES, real_weights, weights_of
from studies.records import is_feasible, weights_of_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.settings import Weights
    from objectives.search_space import SearchSpace

WARM_START = "warm start"  # the origin of these trials
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
    """

    source: str
    weights: tuple[Weights, ...]


NO_WARM_START = WarmStart("", ())


def take_warm_start(study: optuna.Study, source: str | None, space: SearchSpace) -> WarmStart:
    """Take the best feasible trials of another study, or what this study took when it began.

    The weights are tried anew: a value on other cases says nothing here.

    Parameters
    ----------
    study : optuna.Study
    source : str or None
        A study in the same storage; None of none.
    space : SearchSpace

    Raises
    ------
    StudyError
        When there is no such study, it searched another space, has no trial that may be taken,
        or this study has begun otherwise.
    """
    stored = study.user_attrs.get(_ATTRIBUTE)
    if stored is not None:
        if source not in (None, stored["source"]):
            raise StudyError(
                f"study {study.study_name!r} began from {stored['source']!r}; start another one "
                f"with --study-name NAME to begin from {source!r}"
            )
        return WarmStart(stored["source"], tuple(weights_of(one) for one in stored["weights"]))
    if source is None:
        return NO_WARM_START
    if study.get_trials(deepcopy=False):
        raise StudyError(
            f"study {study.study_name!r} has trials already; start another one with "
            f"--study-name NAME to begin from {source!r}"
        )
    weights = _best_weights(study, source, space)
    taken = {"source": source, "weights": [real_weights(one) for one in weights]}
    study.set_user_attr(_ATTRIBUTE, taken)
    return WarmStart(source, tuple(weights))


def _best_weights(study: optuna.Study, source: str, space: SearchSpace) -> Sequence[Weights]:
    storage = study._storage  # noqa: SLF001 - Optuna offers no other way to it
    names = optuna.get_all_study_names(storage)
    if source not in names:
        others = ", ".join(sorted({*names} - {study.study_name})) or "none"
        raise StudyError(f"--warm-start {source!r}: no such study; there are: {others}")
    records = optuna.load_study(study_name=source, storage=storage).get_trials(
        deepcopy=False, states=(TrialState.COMPLETE,)
    )
    usable = [r for r in records if is_feasible(r) and {*r.params} == {*WEIGHT_NAMES}]
    usable.sort(key=lambda record: -(record.value or 0.0))
    best = list(dict.fromkeys(weights_of_record(record) for record in usable))[:_N_TAKEN]
    if not best:
        raise StudyError(f"--warm-start {source!r}: it has no complete trial to begin with")
    normals, least = space.walls
    if any(np.any(normals @ exact_coefficients(one) < least - _TOLERANCE) for one in best):
        raise StudyError(
            f"--warm-start {source!r}: its best weights lie outside study.bounds or the ranges "
            "asked for; widen them"
        )
    return best
