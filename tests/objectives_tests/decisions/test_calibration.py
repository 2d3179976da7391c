from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.decision.confidence import calibration_inputs, set_probabilities
from engine.ranking.coefficients import effective_coefficients
from engine.ranking.weights import Feature
from objectives.bank.scoring import find_winners
from objectives.decisions.calibration import calibration_note, fit_calibration, weights_sha256
from support.errors import InputFileError

if TYPE_CHECKING:
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank

TRUE_INTERCEPT, TRUE_SLOPE = -7.0, 12.0


def known_truth(make_bank: MakeBank, config: Configuration, n_cases: int) -> LabelledBank:
    """Cases whose first row is right with known log-odds: intercept + slope x score."""
    bank = make_bank(n_cases, ("A", "B", "C"), seed=4)
    winners = find_winners(bank, effective_coefficients(config.weights))
    score = calibration_inputs(winners.evidence, 1)[:, 0]
    odds = np.exp(TRUE_INTERCEPT + TRUE_SLOPE * score)
    right = np.random.default_rng(8).random(n_cases) < odds / (1 + odds)
    bank.labels.codes[:] = (bank.bank.rows == winners.rows[:, None]) & right[:, None]
    return bank


def test_known_probabilities_are_found_again(make_bank: MakeBank, config: Configuration) -> None:
    bank = known_truth(make_bank, config, 20_000)
    fitted = fit_calibration(bank, config, "catalogue")
    assert fitted.n_cases == 20_000
    model = fitted.calibration.first[0]
    assert model.score == pytest.approx(TRUE_SLOPE, rel=0.05)
    assert model.additions == pytest.approx(0.0, abs=0.05)
    winners = find_winners(bank, effective_coefficients(config.weights))
    stated = set_probabilities(winners.evidence, fitted.calibration.first)[:, 0]
    score = calibration_inputs(winners.evidence, 1)[:, 0]
    truth = 1 / (1 + np.exp(-(TRUE_INTERCEPT + TRUE_SLOPE * score)))
    assert np.abs(stated - truth).mean() < 0.01


def test_the_threshold_keeps_the_error_below_the_target(
    make_bank: MakeBank, config: Configuration
) -> None:
    bank = known_truth(make_bank, config, 20_000)
    points = []
    for target in (0.2, 0.05):
        decision = config.decision.model_copy(update={"target_error_rate": target})
        aimed = config.model_copy(update={"decision": decision})
        points.append(fit_calibration(bank, aimed, "").operating_point)
    assert points[0] is not None
    assert points[1] is not None
    assert points[0].upper_bound < 0.2
    assert points[1].upper_bound < 0.05
    assert points[0].coverage > points[1].coverage > 0


def test_too_few_cases_accept_nothing(make_bank: MakeBank, config: Configuration) -> None:
    fitted = fit_calibration(make_bank(60, ("A", "B")), config, "")
    assert fitted.calibration.accept_threshold is None
    assert fitted.operating_point is None


def test_one_site_and_one_outcome_can_be_fitted(
    make_bank: MakeBank, config: Configuration
) -> None:
    bank = make_bank(200, ("A",))
    bank.labels.codes[:] = 0
    fitted = fit_calibration(bank, config, "")
    winners = find_winners(bank, effective_coefficients(config.weights))
    stated = set_probabilities(winners.evidence, fitted.calibration.first)
    assert np.allclose(stated, 1 / 202, atol=1e-6)


def test_without_labels_there_is_nothing_to_fit(
    make_bank: MakeBank, config: Configuration
) -> None:
    bank = make_bank(20, ("A",))
    unlabelled = tuple(case._replace(has_gold=False, gold=None) for case in bank.cases)
    with pytest.raises(InputFileError, match=r"split\.tuning"):
        fit_calibration(bank._replace(cases=unlabelled), config, "")


def test_usage_is_no_part_of_the_score_that_confidence_rests_on(
    make_bank: MakeBank, config: Configuration
) -> None:
    """An imported catalogue has no usage: its answers are not less certain for that."""
    bank = make_bank(50, ("A",))
    used = bank.bank.features.copy()
    used[..., Feature.FREQUENCY] = 1.0
    coefficients = effective_coefficients(config.weights)
    plain = bank.bank.features.copy()
    plain[..., Feature.FREQUENCY] = 0.0
    with_usage, without = (
        calibration_inputs(
            find_winners(
                bank._replace(bank=bank.bank._replace(features=f)), coefficients
            ).evidence,
            1,
        )
        for f in (used, plain)
    )
    assert np.array_equal(with_usage[:, 0], without[:, 0])


def test_a_calibrator_of_other_weights_or_rows_is_called_a_default(config: Configuration) -> None:
    calibration = config.calibration
    assert calibration.weights == weights_sha256(config.weights)
    assert calibration_note(config, calibration.catalogue) is None
    assert "another catalogue" in str(calibration_note(config, "other"))
    moved = config.model_copy(update={"synonym_match_bonus": 0.5})
    assert "other weights" in str(calibration_note(moved, calibration.catalogue))
    decision = config.decision.model_copy(update={"target_error_rate": 0.001})
    for change in ({"decision": decision}, {"retriever_top_k": 2}):
        other = config.model_copy(update=change)
        assert "another target" in str(calibration_note(other, calibration.catalogue))
