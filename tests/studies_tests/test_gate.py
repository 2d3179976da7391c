from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.coefficients import effective_coefficients
from objectives.decision_quality import CriticalErrors, DecisionMetrics
from objectives.scoring import find_winners
from objectives.search_space import real_weights, weights_of
from studies.gate import Verdict, hold_gate, judge_accepted
from studies.paired import mcnemar_p_value, paired_interval

if TYPE_CHECKING:
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


def test_no_difference_is_no_gain(config: Configuration, make_bank: MakeBank) -> None:
    report = hold_gate(make_bank(200, ("G", "H")), config.weights, config.weights, config.gate, 1)
    assert report.verdict is Verdict.NO_CREDIBLE_GAIN
    assert report.difference == 0.0
    assert report.ci95 == (0.0, 0.0)
    assert report.sites == ("G", "H")


def test_a_clear_gain_is_exported_unless_it_is_dangerous(
    config: Configuration, make_bank: MakeBank
) -> None:
    values = real_weights(config.weights)
    poor = values | {"anatomy_weight": 0.0, "technique_weight": values["technique_weight"] + 0.35}
    good = (
        values
        | {"anatomy_weight": 1.0}
        | dict.fromkeys(
            ("modality_weight", "laterality_weight", "contrast_weight", "technique_weight"), 0.0
        )
    )
    bank = make_bank(400, ("G",))
    bank.labels.codes[:] &= 1
    report = hold_gate(bank, weights_of(poor), weights_of(good), config.gate, 1)
    assert report.verdict is Verdict.EXPORTED
    assert report.ci95.low > 0
    assert report.difference == pytest.approx(
        report.optimized_accuracy_at_1 - report.baseline_accuracy_at_1
    )
    bank.labels.codes[:] |= (bank.labels.codes & 1) << 1
    report = hold_gate(bank, weights_of(poor), weights_of(good), config.gate, 1)
    assert report.verdict is Verdict.MORE_CRITICAL_ERRORS


def test_more_dangerous_answers_among_accepted_ones_stop_an_export(
    config: Configuration, make_bank: MakeBank
) -> None:
    report = hold_gate(make_bank(50, ("G",)), config.weights, config.weights, config.gate, 1)
    exported = report._replace(verdict=Verdict.EXPORTED)
    fine = metrics(n_critical_accepted=3)
    assert judge_accepted(exported, fine, fine).verdict is Verdict.EXPORTED
    worse = judge_accepted(exported, fine, metrics(n_critical_accepted=4))
    assert worse.verdict is Verdict.MORE_CRITICAL_ERRORS
    assert judge_accepted(report, fine, metrics(n_critical_accepted=4)) == report


def metrics(n_critical_accepted: int) -> DecisionMetrics:
    none, some = CriticalErrors(0, {}, 0.0), CriticalErrors(n_critical_accepted, {}, 0.0)
    return DecisionMetrics(100, 100, 0.9, 0.9, 80, 0.8, 1, 0.0125, 0.06, none, some, None)


def test_looks_spend_no_more_than_the_whole_error_probability(
    config: Configuration, make_bank: MakeBank
) -> None:
    """Look k tests at alpha / (k (k + 1)): its interval is that of this confidence."""
    bank = make_bank(300, ("G",))
    poor = weights_of(
        real_weights(config.weights) | {"anatomy_weight": 0.0, "technique_weight": 0.45}
    )
    spent = 0.0
    for look in range(1, 6):
        alpha = 0.05 / (look * (look + 1))
        report = hold_gate(bank, poor, config.weights, config.gate, look)
        gains = find_winners(bank, effective_coefficients(config.weights)).correct.astype(float)
        gains -= find_winners(bank, effective_coefficients(poor)).correct
        assert report.corrected == paired_interval(gains, config.gate, 1 - alpha)
        spent += alpha
    assert spent < 0.05


def test_every_further_look_asks_for_more(config: Configuration) -> None:
    gains = np.array([1.0] * 30 + [-1.0] * 12 + [0.0] * 400)
    first = paired_interval(gains, config.gate, 0.95)
    tenth = paired_interval(gains, config.gate, 1 - 0.05 / 10)
    assert tenth.low < first.low < gains.mean() < first.high < tenth.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says(config: Configuration) -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        gains = rng.choice([1.0, -1.0, 0.0], p=[0.10, 0.05, 0.85], size=400)
        interval = paired_interval(
            gains, config.gate.model_copy(update={"n_resamples": 500}), 0.95
        )
        covered += interval.low <= 0.05 <= interval.high
    assert 0.90 <= covered / 200 <= 0.99


@pytest.mark.parametrize(
    ("n_wins", "n_losses", "n_ties", "p_value"),
    [(4, 0, 2996, 0.125), (1, 0, 0, 1.0), (0, 0, 10, 1.0), (6, 0, 100, 0.03125), (5, 5, 9, 1.0)],
)
def test_few_differing_cases_are_no_proof(
    n_wins: int, n_losses: int, n_ties: int, p_value: float
) -> None:
    gains = np.array([1.0] * n_wins + [-1.0] * n_losses + [0.0] * n_ties)
    assert mcnemar_p_value(gains) == pytest.approx(p_value)
