"""Begin with the best trials of another study: a new release or site starts from the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import optuna
from optuna.trial import TrialState

from engine.ranking.coefficients import exact_coefficients
from objectives.search_space import WEIGHT_NAMES, real_weights, weights_of
from studies.gate.looks import count_looks
from studies.storage.trial_records import is_feasible, reading, weights_of_record
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.storages import RDBStorage

    from engine.ranking.weights import Weights
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


def fix_warm_start(
    storage: RDBStorage,
    study: optuna.Study,
    source: str | None,
    space: SearchSpace,
    current: Weights,
) -> WarmStart:
    """Settle once what a study begins with: the best feasible trials of another one, or nothing.

    The weights are tried anew: a value on other cases says nothing here.

    Parameters
    ----------
    storage : RDBStorage
    study : optuna.Study
    source : str or None
        A study in the same storage; None of none, or of what was settled before.
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
    if _ATTRIBUTE not in study.user_attrs:
        begin = NO_WARM_START
        if source and not study.get_trials(deepcopy=False):
            begin = _take(storage, study, source, space, current)
        document = begin._asdict() | {"weights": [real_weights(one) for one in begin.weights]}
        study.set_user_attr(_ATTRIBUTE, document)
    settled = read_warm_start(study)
    if source not in (None, settled.source):
        begun = f"from {settled.source!r}" if settled.source else "from the current weights alone"
        raise StudyError(
            f"study {study.study_name!r} began {begun}; start another one with --study-name NAME "
            f"to begin from {source!r}"
        )
    return settled


def read_warm_start(study: optuna.Study) -> WarmStart:
    """Return what a study begins with.

    Raises
    ------
    StudyError
        When what is stored of it is damaged.
    """
    with reading(study.study_name):
        stored = study.user_attrs.get(_ATTRIBUTE)
        if stored is None:
            return NO_WARM_START
        weights = tuple(weights_of(one) for one in stored["weights"])
        return WarmStart(str(stored["source"]), weights, int(stored["n_looks"]))


def _take(
    storage: RDBStorage,
    study: optuna.Study,
    source: str,
    space: SearchSpace,
    current: Weights,
) -> WarmStart:
    other = _load(storage, study, source)
    best = _best_weights(other, space, current)
    n_looks = count_looks(other) + read_warm_start(other).n_looks
    return WarmStart(source, tuple(best), n_looks)


def _load(storage: RDBStorage, study: optuna.Study, source: str) -> optuna.Study:
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
