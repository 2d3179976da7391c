"""How important each weight is by Optuna's own evaluators, over the trials of a study."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import optuna
from optuna.importance import (
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.trial import TrialState

from studies.storage.database import has_no_file, opened_storage
from support.databases import shown_url
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_N_LEAST = 10  # complete trials: a tenth of them is one


class Importances(NamedTuple):
    """What the trials of a study say about the weights.

    Attributes
    ----------
    study_name : str
    n_complete : int
        Trials they rest on: complete ones, infeasible ones included.
    ped_anova, fanova : mapping of str to float
        By weight, in [0, 1], sum 1. PED-ANOVA: how far the best tenth of the trials differs from
        all; fANOVA: the share of the variance that a forest ascribes to the weight. A weight that
        no trial changed may be absent.
    """

    study_name: str
    n_complete: int
    ped_anova: Mapping[str, float]
    fanova: Mapping[str, float]


def importances(url: str, study_name: str, seed: int, *, must_exist: bool) -> Importances | None:
    """Ask Optuna's evaluators.

    Sources: Watanabe, Bansal and Hutter (2023), "PED-ANOVA: efficiently quantifying
    hyperparameter importance in arbitrary subspaces"; Hutter, Hoos and Leyton-Brown (2014), "An
    efficient approach for assessing hyperparameter importance".

    Parameters
    ----------
    url : str
        SQLAlchemy URL; no database is made.
    study_name : str
    seed : int
        Of the forest.
    must_exist : bool
        Whether a study that is not there is a mistake.

    Returns
    -------
    Importances or None
        None where there is no such study, or too few of its trials are complete.

    Raises
    ------
    StudyError
        When the database cannot be used, or the study that must exist does not, or has too few
        complete trials that differ.
    """
    if has_no_file(url):  # it is not made
        if must_exist:
            raise _no_study(url, study_name, [])
        return None
    with opened_storage(url, is_new=True) as storage:
        names = optuna.get_all_study_names(storage)
        if study_name not in names:
            if must_exist:
                raise _no_study(url, study_name, names)
            return None
        study = optuna.load_study(study_name=study_name, storage=storage)
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < _N_LEAST or len({trial.value for trial in complete}) == 1:
            if must_exist:
                raise StudyError(
                    f"study {study_name!r}: importance needs {_N_LEAST} complete trials that "
                    f"differ in value, it has {len(complete)}; run more trials"
                )
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a trial 0 outside the bounds has a range of its own
            return Importances(
                study_name,
                len(complete),
                get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()),
                get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed)),
            )


def _no_study(url: str, study_name: str, names: Sequence[str]) -> StudyError:
    there = ", ".join(sorted(names)) or "none"
    return StudyError(f"{shown_url(url)}: no study {study_name!r}; there are: {there}")
