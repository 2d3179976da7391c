"""Fit the calibrator and the accept threshold, on out-of-fold answers of the tuning sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.decision.confidence import calibration_inputs, set_probabilities
from engine.decision.decide import may_be_accepted
from engine.decision.settings import Calibration, SetModel
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import Winners, find_winners
from objectives.decisions.risk_coverage import CurvePoint, risk_coverage, smallest_threshold
from support.errors import InputFileError
from support.hashing import hash_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration

N_SETS = 5  # the first row, the first two rows, ...
_STRENGTH = 10.0  # inverse of the penalty on slopes
_DECIMALS = 4  # of what is stored
_N_FOLDS = 5  # where there is one site only


class Fitted(NamedTuple):
    """A calibration and how its threshold came about.

    Attributes
    ----------
    calibration : Calibration
    n_cases : int
        Labelled cases of the tuning sites that it was fitted on.
    operating_point : CurvePoint or None
        Out-of-fold coverage and error at the threshold; None when no threshold meets the target.
    """

    calibration: Calibration
    n_cases: int
    operating_point: CurvePoint | None


def fit_calibration(tuning: LabelledBank, config: Configuration, catalogue_sha256: str) -> Fitted:
    """Fit the calibrator of a configuration's weights, and find the smallest fitting threshold.

    The calibrator that is kept sees every case. The threshold is found on out-of-fold
    confidences: a case is judged by the calibrator of the other sites, and its usage feature
    knows nothing of its own site either. It must hold over all sites with its upper bound, and at
    each of them as counted: the next site may be like the hardest of these.

    Parameters
    ----------
    tuning : LabelledBank
        Cases of the tuning sites; those that say what is right are used, unanswerable ones too.
    config : Configuration
        Its weights, and the target that accepted answers must meet.
    catalogue_sha256 : str

    Raises
    ------
    InputFileError
        When no case says what is right.
    """
    labelled = tuning.labelled()
    if not labelled.cases:
        raise InputFileError(
            "no labelled case at a tuning site: confidence cannot be calibrated; "
            "name your sites under split.tuning in config.yaml"
        )
    settings = config.decision
    winners = find_winners(labelled, effective_coefficients(config.weights))
    used = ~winners.evidence.non_clinical
    models = _fit(winners, used)
    confidences = np.zeros(len(used))
    folds = _folds(labelled)
    for held_out in folds:
        fold = _fit(winners, used & ~held_out)
        confidences[held_out] = set_probabilities(winners.evidence, fold)[held_out, 0]
    acceptable = may_be_accepted(winners.evidence)
    curve = risk_coverage(confidences, winners.correct, acceptable, settings.bound_confidence)
    point = smallest_threshold(
        curve,
        settings.target_error_rate,
        [(confidences[part & acceptable], winners.correct[part & acceptable]) for part in folds],
    )
    threshold = point.threshold if point else None
    return Fitted(
        Calibration(
            first=models,
            accept_threshold=threshold,
            catalogue=catalogue_sha256,
            weights=weights_sha256(config.weights),
            settings=settings_sha256(config),
        ),
        int(used.sum()),
        point,
    )


def weights_sha256(weights: Weights) -> str:
    """Hash the effective coefficients: what a calibration depends on besides the catalogue."""
    return hash_of(effective_coefficients(weights).tolist())


def settings_sha256(config: Configuration) -> str:
    """Hash what else a calibration depends on: candidates, target and tuning sites."""
    decision = config.decision
    return hash_of(
        {
            "top_k": config.retriever_top_k,
            "retrieval": config.retrieval.model_dump(mode="json"),
            "target": [decision.target_error_rate, decision.bound_confidence],
            "tuning": sorted(config.split.tuning),
        }
    )


def calibration_note(config: Configuration, catalogue_sha256: str) -> str | None:
    """Say why confidence is that of a default calibrator, or None when it is the catalogue's own.

    Parameters
    ----------
    config : Configuration
    catalogue_sha256 : str
        Of the catalogue that is answered from.
    """
    calibration = config.calibration
    if calibration.catalogue != catalogue_sha256:
        what = "another catalogue"
    elif calibration.weights != weights_sha256(config.weights):
        what = "other weights"
    elif calibration.settings != settings_sha256(config):
        what = "another target, candidates or tuning sites"
    else:
        return None
    return (
        f"confidence comes from the default calibrator, fitted on {what}; "
        "`radtune calibrate` fits one where cases have gold rows"
    )


def _fit(winners: Winners, cases: NDArray[np.bool_]) -> tuple[SetModel, ...]:
    return tuple(
        _fit_one(
            calibration_inputs(winners.evidence, n_rows)[cases],
            winners.gold_within[cases, n_rows - 1],
        )
        for n_rows in range(1, N_SETS + 1)
    )


def _fit_one(inputs: NDArray[np.float64], right: NDArray[np.bool_]) -> SetModel:
    """Fit a logistic regression."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second to import

    n_right, n_cases = int(right.sum()), len(right)
    if n_right in (0, n_cases):  # nothing to tell apart: the rule of succession
        odds = (n_right + 1) / (n_cases - n_right + 1)
        return _model(float(np.log(odds)), np.zeros(inputs.shape[1]))
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread == 0] = 1.0
    fitted = LogisticRegression(C=_STRENGTH, max_iter=1000, tol=1e-8)
    fitted.fit((inputs - centre) / spread, right)
    slopes = fitted.coef_[0] / spread
    return _model(float(fitted.intercept_[0] - slopes @ centre), slopes)


def _model(intercept: float, slopes: NDArray[np.float64]) -> SetModel:
    names = ("score", "margin", "additions", "completeness")
    rounded = dict(zip(names, np.round(slopes, _DECIMALS).tolist(), strict=True))
    return SetModel(intercept=round(intercept, _DECIMALS), **rounded)


def _folds(labelled: LabelledBank) -> list[NDArray[np.bool_]]:
    """Return the cases of each site; of one site alone, five parts that share no gold row."""
    sites = np.array([case.site for case in labelled.cases])
    if len(set(sites.tolist())) > 1:
        return [sites == site for site in np.unique(sites)]
    gold = [case.gold or case.exam_name for case in labelled.cases]
    number = {name: i % _N_FOLDS for i, name in enumerate(sorted(set(gold)))}
    fold = np.array([number[name] for name in gold])
    return [fold == i for i in range(_N_FOLDS)]
