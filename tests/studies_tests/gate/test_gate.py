from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna
import pytest

from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.decisions.decision_quality import CriticalErrors, DecisionMetrics
from objectives.search_space import real_weights, weights_of
from studies.gate.gate import Rise, Verdict, hold_gate, judge_accepted
from studies.gate.looks import log_look, number_of_look
from studies.gate.paired_test import clusters_of, mcnemar_p_value, paired_interval, ratio
from studies.gate.words import gate_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


def test_no_difference_is_no_gain(config: Configuration, make_bank: MakeBank) -> None:
    report = hold_gate(make_bank(200, ("G", "H")), config.weights, config.weights, config.gate, 1)
    assert report.verdict is Verdict.NO_CREDIBLE_GAIN
    assert report.difference == 0.0
    assert report.ci95 == (0.0, 0.0)
    assert report.sites == ("G", "H")


def poor_and_good(config: Configuration) -> tuple[Weights, Weights]:
    """Weights that ignore anatomy, which tends to be right, and weights that see nothing else."""
    values = real_weights(config.weights)
    poor = values | {"anatomy_weight": 0.0, "technique_weight": values["technique_weight"] + 0.35}
    good = (
        values
        | {"anatomy_weight": 1.0}
        | dict.fromkeys(
            ("modality_weight", "laterality_weight", "contrast_weight", "technique_weight"), 0.0
        )
    )
    return weights_of(poor), weights_of(good)


def test_a_clear_gain_is_exported_unless_it_is_dangerous(
    config: Configuration, make_bank: MakeBank
) -> None:
    poor, good = poor_and_good(config)
    bank = make_bank(400, ("G",))
    bank.labels.codes[:] &= 1
    report = hold_gate(bank, poor, good, config.gate, 1)
    assert report.verdict is Verdict.EXPORTED
    assert report.rises == ()
    assert report.n_cases == report.n_clusters == 400
    assert report.ci95.low > 0
    assert report.difference == pytest.approx(
        report.optimized_accuracy_at_1 - report.baseline_accuracy_at_1
    )
    bank.labels.codes[:] |= (bank.labels.codes & 1) << 1
    report = hold_gate(bank, poor, good, config.gate, 1)
    assert report.verdict is Verdict.MORE_CRITICAL_ERRORS
    rise, in_all = report.rises
    assert (rise.kind, rise.among) == ("side", "first-ranked rows")
    assert rise.refuses
    assert in_all.kind == "all kinds"
    assert in_all.refuses
    assert rise.after == report.critical_errors_optimized > rise.before


def test_fewer_errors_of_one_kind_do_not_pay_for_more_of_another(
    config: Configuration, make_bank: MakeBank
) -> None:
    """The right row is dangerous in side, every other one in contrast: fewer in all, but sides."""
    poor, good = poor_and_good(config)
    bank = make_bank(400, ("G",))
    gold = bank.labels.codes & 1
    bank.labels.codes[:] = np.where(gold, 1 | 2, 8)
    bank.labels.codes[::3] = gold[::3]
    before, after = (find_winners(bank, effective_coefficients(w)) for w in (poor, good))
    assert after.critical[:, 0].sum() > before.critical[:, 0].sum()
    assert after.critical[:, 2].sum() < before.critical[:, 2].sum()
    report = hold_gate(bank, poor, good, config.gate, 1)
    assert report.critical_errors_optimized <= report.critical_errors_baseline
    assert report.verdict is Verdict.MORE_CRITICAL_ERRORS
    assert [rise.kind for rise in report.rises] == ["side"]
    words = gate_words(
        report, metrics(0), metrics(0), tried="9 trials of tpe", best_trial=4, best_origin="tpe"
    )
    side = report.rises[0]
    assert f"side {side.before} -> {side.after} among first-ranked rows" in words.decision
    assert words.won == "trial 4 (tpe)"


def test_a_rise_by_chance_that_others_outweigh_is_reported_and_no_more(
    config: Configuration, make_bank: MakeBank
) -> None:
    """Three more wrong sides, and hundreds fewer errors of contrast: fewer in all."""
    poor, good = poor_and_good(config)
    bank = make_bank(400, ("G",))
    before, after = (find_winners(bank, effective_coefficients(w)) for w in (poor, good))
    gold = bank.labels.codes & 1
    bank.labels.codes[:] = np.where(gold, 1, 8)
    newly = np.flatnonzero(after.correct & ~before.correct)
    for n_sides, verdict in ((3, Verdict.EXPORTED), (6, Verdict.MORE_CRITICAL_ERRORS)):
        bank.labels.codes[newly[:n_sides]] |= gold[newly[:n_sides]] << 1
        report = hold_gate(bank, poor, good, config.gate, 1)
        assert report.verdict is verdict
        (rise,) = report.rises
        assert (rise.kind, rise.before, rise.after) == ("side", 0, n_sides)
        assert rise.refuses == (verdict is Verdict.MORE_CRITICAL_ERRORS)
        words = gate_words(
            report,
            metrics(0),
            metrics(0),
            tried="9 trials of auto",
            best_trial=4,
            best_origin="tpe",
        )
        assert f"side 0 -> {n_sides} among first-ranked rows" in words.decision


def test_of_a_single_gold_row_nothing_is_believed(
    config: Configuration, make_bank: MakeBank
) -> None:
    poor, good = poor_and_good(config)
    bank = make_bank(400, ("G",))
    bank.labels.codes[:] &= 1
    bank.labels.gold[:] = 3
    report = hold_gate(bank, poor, good, config.gate, 1)
    assert report.p_value < 1e-6
    assert report.n_clusters == 1
    assert report.corrected == (-1.0, 1.0)
    assert report.verdict is Verdict.NO_CREDIBLE_GAIN


def test_more_dangerous_answers_among_accepted_ones_stop_an_export(
    config: Configuration, make_bank: MakeBank
) -> None:
    report = hold_gate(make_bank(50, ("G",)), config.weights, config.weights, config.gate, 1)
    exported = report._replace(verdict=Verdict.EXPORTED)
    fine = metrics(n_critical_accepted=3)
    assert judge_accepted(exported, fine, fine).verdict is Verdict.EXPORTED
    worse = judge_accepted(exported, fine, metrics(n_critical_accepted=4))
    assert worse.verdict is Verdict.MORE_CRITICAL_ERRORS
    assert worse.rises == (
        Rise("contrast", 3, 4, "accepted answers", refuses=True),
        Rise("all kinds", 3, 4, "accepted answers", refuses=True),
    )
    words = gate_words(worse, fine, fine, tried="9 trials of tpe", best_trial=4, best_origin="tpe")
    assert "contrast 3 -> 4, all kinds 3 -> 4 among accepted answers" in words.decision
    unchanged = judge_accepted(report, fine, metrics(n_critical_accepted=4))
    assert unchanged.verdict is report.verdict
    sides = fine.critical_accepted._replace(by_kind=fine.critical_accepted.by_kind | {"side": 1})
    traded = judge_accepted(exported, fine, fine._replace(critical_accepted=sides))
    assert traded.rises == (Rise("side", 0, 1, "accepted answers", refuses=True),)
    more_cases = fine.critical_accepted._replace(n_cases=4)
    spread = judge_accepted(exported, fine, fine._replace(critical_accepted=more_cases))
    assert spread.rises == (Rise("all kinds", 3, 4, "accepted answers", refuses=True),)


def metrics(n_critical_accepted: int) -> DecisionMetrics:
    by_kind = dict.fromkeys(CRITICAL_KINDS, 0)
    none = CriticalErrors(0, by_kind, 0.0)
    some = CriticalErrors(n_critical_accepted, by_kind | {"contrast": n_critical_accepted}, 0.0)
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
        assert report.corrected == paired_interval(
            gains, clusters_of(bank), config.gate, 1 - alpha
        )
        assert report.corrected_confidence == 1 - alpha
        spent += alpha
    assert spent < 0.05


def test_every_further_look_asks_for_more(config: Configuration) -> None:
    gains = np.array([1.0] * 30 + [-1.0] * 12 + [0.0] * 400)
    alone = np.arange(len(gains))
    first = paired_interval(gains, alone, config.gate, 0.95)
    tenth = paired_interval(gains, alone, config.gate, 1 - 0.05 / 10)
    assert tenth.low < first.low < gains.mean() < first.high < tenth.high


def coverage(config: Configuration, sizes: NDArray[np.intp], *, is_clustered: bool) -> float:
    """How often the interval holds the true gain where the cases of a cluster are all alike."""
    rng = np.random.default_rng(5)
    settings = config.gate.model_copy(update={"n_resamples": 500})
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    drawn = clusters if is_clustered else np.arange(len(clusters))
    n_covered = 0
    for _ in range(200):
        gains = rng.choice([1.0, -1.0, 0.0], p=[0.10, 0.05, 0.85], size=len(sizes))[clusters]
        low, high = paired_interval(gains, drawn, settings, 0.95)
        n_covered += low <= 0.05 <= high
    return n_covered / 200


def test_the_interval_covers_the_truth_about_as_often_as_it_says(config: Configuration) -> None:
    alone = np.ones(400, dtype=np.intp)
    assert 0.90 <= coverage(config, alone, is_clustered=True) <= 0.99
    alike = np.tile([1, 3, 8], 120)
    assert 0.90 <= coverage(config, alike, is_clustered=True) <= 0.99
    assert coverage(config, alike, is_clustered=False) < 0.75


def test_cases_that_go_together_widen_the_interval(config: Configuration) -> None:
    of_clusters = np.array([1.0] * 30 + [-1.0] * 12 + [0.0] * 158)
    gains, alone = np.repeat(of_clusters, 4), np.arange(800)
    together = paired_interval(gains, alone // 4, config.gate, 0.95)
    apart = paired_interval(gains, alone, config.gate, 0.95)
    assert together.low < apart.low < gains.mean() < apart.high < together.high
    # As wide as if every cluster were one case, whatever its size and the order of its cases.
    assert together == paired_interval(of_clusters, alone[:200], config.gate, 0.95)
    shuffled = np.random.default_rng(1).permutation(800)
    assert paired_interval(gains[shuffled], alone[shuffled] // 4, config.gate, 0.95) == together


def test_the_interval_is_that_of_drawing_clusters_by_hand(config: Configuration) -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 6, size=60)
    clusters = np.repeat(np.arange(60), sizes)
    gains = rng.choice([1.0, -1.0, 0.0], p=[0.3, 0.2, 0.5], size=len(clusters))
    means = []
    for _ in range(4000):
        drawn = [gains[clusters == cluster] for cluster in rng.integers(0, 60, size=60)]
        means.append(np.concatenate(drawn).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    found = paired_interval(gains, clusters, config.gate, 0.95)
    assert found == pytest.approx((low, high), abs=0.015)
    sums = np.array([[1.0, -1.0, 2.0], [0.0, 3.0, 1.0]])
    assert ratio(sums, np.array([[1.0, 2.0, 5.0], [1.0, 3.0, 4.0]])).tolist() == [0.25, 0.5]


def test_clusters_are_gold_rows_and_names_that_have_none(make_bank: MakeBank) -> None:
    bank = make_bank(6, ("G", "H"))
    bank.labels.gold[:] = [7, -1, 7, -1, -1, 2]
    names = ["a", "Meeting", "b", "MEETING", "CT scan", "a"]
    cases = tuple(
        case._replace(exam_name=name) for case, name in zip(bank.cases, names, strict=True)
    )
    assert clusters_of(bank._replace(cases=cases)).tolist() == [0, 1, 0, 1, 2, 3]


def test_every_look_is_logged_and_the_same_trial_is_no_new_one(
    config: Configuration, make_bank: MakeBank
) -> None:
    study = optuna.create_study()
    bank = make_bank(50, ("G",))
    for trial, look in ((3, 1), (5, 2), (3, 1), (5, 2), (9, 3)):
        assert number_of_look(study, trial) == look
        report = hold_gate(bank, *poor_and_good(config), config.gate, look)
        log_look(study, trial, report)
    looks = study.user_attrs["gate_looks"]
    assert [look["trial"] for look in looks] == [3, 5, 9]
    assert looks[2]["corrected"] == list(report.corrected)
    assert looks[2]["difference"] == report.difference
    assert looks[2]["p_value"] == report.p_value
    assert looks[2]["verdict"] in ("exported", "no_credible_gain", "more_critical_errors")
    assert all(look["at"].endswith("+00:00") for look in looks)


@pytest.mark.parametrize(
    ("n_wins", "n_losses", "n_ties", "p_value"),
    [(4, 0, 2996, 0.125), (1, 0, 0, 1.0), (0, 0, 10, 1.0), (6, 0, 100, 0.03125), (5, 5, 9, 1.0)],
)
def test_few_differing_cases_are_no_proof(
    n_wins: int, n_losses: int, n_ties: int, p_value: float
) -> None:
    gains = np.array([1.0] * n_wins + [-1.0] * n_losses + [0.0] * n_ties)
    assert mcnemar_p_value(gains) == pytest.approx(p_value)
