from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ranking.coefficients import effective_coefficients
from engine.ranking.weights import Weights
from objectives.bank.scoring import find_winners
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.configuration import Configuration
from objectives.objective import Rung, WeightObjective
from tests.conftest import MakeBank, random_weights

SITES = ("A", "B", "C")


def naive_value(config: Configuration, make_bank: MakeBank) -> float:
    """The objective written out case by case, as the documentation states it."""
    v = effective_coefficients(config.weights)
    by_site: dict[str, list[bool]] = {}
    tuning, sanity = make_bank(301, SITES), make_bank(20, ("SANITY",), seed=1)
    right = []
    for labelled in (tuning, sanity):
        for i, case in enumerate(labelled.cases):
            scores = [
                sum(float(a) * float(b) for a, b in zip(f, v, strict=True))
                for f in labelled.bank.features[i]
            ]
            best = scores.index(max(scores))
            hit = bool(labelled.labels.is_gold[i, best])
            if labelled is tuning:
                by_site.setdefault(case.site, []).append(hit)
            else:
                right.append(hit)
    macro = np.mean([np.mean(hits) for hits in by_site.values()])
    weight = config.objective.sanity_weight
    return float((1 - weight) * macro + weight * np.mean(right))


def objective(config: Configuration, make_bank: MakeBank, n_rungs: int = 6) -> WeightObjective:
    cut = config.objective.cut(n_rungs)
    return WeightObjective(make_bank(301, SITES), make_bank(20, ("SANITY",), seed=1), cut)


def test_the_value_is_what_the_documentation_says(
    config: Configuration, make_bank: MakeBank
) -> None:
    value = objective(config, make_bank).evaluate(config.weights).value
    assert value == pytest.approx(naive_value(config, make_bank), abs=1e-12)


@pytest.mark.parametrize("n_rungs", [2, 7, 100, 301, 1000])
def test_the_value_does_not_depend_on_rungs(
    n_rungs: int, config: Configuration, make_bank: MakeBank
) -> None:
    whole = objective(config, make_bank, 1).evaluate(config.weights)
    assert objective(config, make_bank, n_rungs).evaluate(config.weights) == whole


def rungs_of(valuer: WeightObjective, weights: Weights) -> list[Rung]:
    seen: list[Rung] = []

    def note(rung: Rung) -> bool:
        seen.append(rung)
        return False

    valuer.evaluate(weights, note)
    return seen


def test_rungs_report_after_equal_parts_and_can_stop(
    config: Configuration, make_bank: MakeBank
) -> None:
    valuer = objective(config, make_bank)
    assert [rung.number for rung in rungs_of(valuer, config.weights)] == [1, 2, 3, 4, 5]
    stopped = valuer.evaluate(config.weights, lambda rung: rung.number == 2)
    assert stopped.critical_errors is None
    assert stopped.critical_by_kind is None
    assert stopped.n_cases_scored == 101  # of 301, two parts of six
    assert stopped.value == rungs_of(valuer, config.weights)[1].value


def test_a_rung_tells_the_values_so_far_and_of_the_part_alone(
    config: Configuration, make_bank: MakeBank
) -> None:
    """Against the definition, case by case in the seeded order."""
    tuning, sanity = make_bank(301, SITES), make_bank(20, ("SANITY",), seed=1)
    v = effective_coefficients(config.weights)
    right, in_sanity = find_winners(tuning, v).correct, find_winners(sanity, v).correct.mean()
    order = np.random.default_rng(config.objective.seed).permutation(301)
    parts = [part.tolist() for part in np.split(order, [51, 101, 151, 201, 251])]
    w = config.objective.sanity_weight

    def value(chosen: list[int]) -> float:
        sites = [[right[i] for i in chosen if tuning.cases[i].site == site] for site in SITES]
        return float((1 - w) * np.mean([np.mean(hits) for hits in sites]) + w * in_sanity)

    for rung in rungs_of(objective(config, make_bank), config.weights):
        assert rung.part_value == pytest.approx(value(parts[rung.number - 1]))
        assert rung.value == pytest.approx(
            value([i for part in parts[: rung.number] for i in part])
        )


@given(seed=st.integers(0, 2**32 - 1), n_cases=st.integers(1, 90), n_rungs=st.integers(1, 30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_exceeds_what_a_rung_said_it_could_reach(
    seed: int, n_cases: int, n_rungs: int, config: Configuration, make_bank: MakeBank
) -> None:
    tuning = make_bank(n_cases, SITES, seed)
    tuning.labels.codes[seed % 2 :: 3] &= 254  # no gold row among the candidates
    valuer = WeightObjective(
        tuning, make_bank(7, ("SANITY",), seed), config.objective.cut(n_rungs)
    )
    for weights in random_weights(config, 5, seed):
        value = valuer.evaluate(weights).value
        reach = [valuer.ceiling, *(rung.most for rung in rungs_of(valuer, weights)), value]
        assert reach == sorted(reach, reverse=True)


def test_a_perfect_trial_keeps_the_whole_reach(config: Configuration, make_bank: MakeBank) -> None:
    """To the last bit: the bound of a trial that is never wrong is its value at each rung."""
    tuning, sanity = make_bank(97, SITES), make_bank(7, ("SANITY",), seed=1)
    v = effective_coefficients(config.weights)
    for bank in (tuning, sanity):
        winners = np.argmax(bank.facts().features @ v, axis=1)
        bank.labels.codes[:] = 0
        bank.labels.codes[np.arange(len(winners)), winners] = 1
    valuer = WeightObjective(tuning, sanity, config.objective)
    value = valuer.evaluate(config.weights).value
    assert {rung.most for rung in rungs_of(valuer, config.weights)} == {value}


def test_critical_errors_count_winners_only(config: Configuration, make_bank: MakeBank) -> None:
    valued = objective(config, make_bank).evaluate(config.weights)
    v = effective_coefficients(config.weights)
    expected, by_kind = 0, np.zeros(len(CRITICAL_KINDS), dtype=np.int64)
    for labelled in (make_bank(301, SITES), make_bank(20, ("SANITY",), seed=1)):
        winners = find_winners(labelled, v)
        expected += int(winners.critical.any(axis=1).sum())
        by_kind += winners.critical.sum(axis=0)
    assert valued.critical_errors == expected
    assert valued.critical_by_kind == dict(zip(CRITICAL_KINDS, by_kind.tolist(), strict=True))
    assert by_kind.all()


def test_the_ceiling_is_the_best_any_weights_can_do(
    config: Configuration, make_bank: MakeBank
) -> None:
    bank = make_bank(60, SITES)
    bank.labels.codes[:6] &= 254
    sanity = make_bank(20, ("SANITY",), seed=1)
    ceiling = WeightObjective(bank, sanity, config.objective).ceiling
    weight = config.objective.sanity_weight
    assert ceiling == pytest.approx((1 - weight) * 0.9 + weight)


def test_many_at_once_are_valued_as_one_at_a_time(
    config: Configuration, make_bank: MakeBank
) -> None:
    valuer = objective(config, make_bank)
    many = random_weights(config, 300)
    for weights, full in zip(many, valuer.evaluate_many(many), strict=True):
        assert valuer.evaluate(weights) == full.valuation
        assert full.rungs == {rung.number: rung.value for rung in rungs_of(valuer, weights)}


def test_many_are_stopped_at_a_floor_as_one_at_a_time(
    config: Configuration, make_bank: MakeBank
) -> None:
    valuer = objective(config, make_bank, 20)
    many = random_weights(config, 300)
    floor = max(valuer.evaluate(weights).value for weights in many)
    evaluated = valuer.evaluate_many(many, floor)
    for weights, full in zip(many, evaluated, strict=True):
        alone = valuer.evaluate(weights, lambda rung: rung.most < floor)
        assert alone == full.valuation
    assert 100 < sum(full.valuation.critical_errors is None for full in evaluated) < 300
    assert {full.valuation.n_cases_scored for full in valuer.evaluate_many(many, 2.0)} == {16}
