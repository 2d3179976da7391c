from __future__ import annotations

import numpy as np
import pytest

from engine.coefficients import effective_coefficients
from objectives.configuration import Configuration
from objectives.objective import WeightObjective
from objectives.scoring import find_winners
from objectives.truth import CRITICAL_KINDS
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


def objective(config: Configuration, make_bank: MakeBank, chunk_size: int = 50) -> WeightObjective:
    settings = config.objective.model_copy(update={"chunk_size": chunk_size})
    return WeightObjective(make_bank(301, SITES), make_bank(20, ("SANITY",), seed=1), settings)


def test_the_value_is_what_the_documentation_says(
    config: Configuration, make_bank: MakeBank
) -> None:
    value = objective(config, make_bank).evaluate(config.weights).value
    assert value == pytest.approx(naive_value(config, make_bank), abs=1e-12)


@pytest.mark.parametrize("chunk_size", [1, 7, 100, 1000])
def test_the_value_does_not_depend_on_chunks(
    chunk_size: int, config: Configuration, make_bank: MakeBank
) -> None:
    whole = objective(config, make_bank, 10_000).evaluate(config.weights)
    assert objective(config, make_bank, chunk_size).evaluate(config.weights) == whole


def test_rungs_report_rising_shares_and_can_stop(
    config: Configuration, make_bank: MakeBank
) -> None:
    seen: list[int] = []

    def stop_at_second(rung: int, value: float) -> bool:
        assert 0 <= value <= 1
        seen.append(rung)
        return len(seen) == 2

    stopped = objective(config, make_bank).evaluate(config.weights, stop_at_second)
    assert stopped.critical_errors is None
    assert stopped.critical_by_kind is None
    assert seen == [2, 4]
    assert stopped.n_cases_scored == 200


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
        rungs: dict[int, float] = {}

        def note(rung: int, value: float, rungs: dict[int, float] = rungs) -> bool:
            rungs[rung] = value
            return False

        assert valuer.evaluate(weights, note) == full.valuation
        assert rungs == full.rungs
