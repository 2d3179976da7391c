"""Wins and losses along a line against a comparison of winners, place by place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.ranking.coefficients import effective_coefficients
from objectives.bank.labelled_bank import is_gold
from objectives.bank.trial_bank import Part, TrialBank
from objectives.lines.line_profile import line_changes, profile
from objectives.lines.paired_profile import paired_changes, paired_counts, paired_profile
from objectives.objective import WeightObjective
from tests.conftest import random_weights
from tests.objectives_tests.lines.test_line_profile import (
    N_GROUPS,
    between,
    every_crossing,
    random_problem,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.bank.trial_bank import Block
    from objectives.configuration import Configuration
    from objectives.lines.line import Line
    from tests.conftest import MakeBank


def right_at(block: Block, line: Line, t: float) -> NDArray[np.bool_]:
    scores = block.features.astype(np.float64) @ line.at(t)
    return is_gold(block.codes[scores.argmax(axis=0), np.arange(scores.shape[1])])


@pytest.mark.parametrize("seed", range(5))
def test_small_problems_equal_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_discordant = 0
    for _ in range(400):
        problem = random_problem(rng)
        block, line = problem
        found = paired_profile(paired_changes([block], line), line)
        was_right = right_at(block, line, 0.0)
        for t in between(every_crossing(problem), line.low, line.high):
            is_right = right_at(block, line, t)
            i = int(np.searchsorted(found.edges[1:-1], t, side="right"))
            for group in range(N_GROUPS):
                here = block.groups == group
                assert found.counts.correct[i, group] == np.sum(is_right & here)
                assert found.counts.wins[i, group] == np.sum(is_right & ~was_right & here)
                assert found.counts.losses[i, group] == np.sum(was_right & ~is_right & here)
            n_discordant += int(np.sum(is_right != was_right))
    assert n_discordant > 100


def test_the_intervals_and_counts_are_those_of_the_profile() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        block, line = random_problem(rng)
        plain = profile(line_changes([block], line, N_GROUPS), line)
        paired = paired_profile(paired_changes([block], line), line)
        assert np.array_equal(plain.edges, paired.edges)
        assert np.array_equal(plain.correct, paired.counts.correct)
        assert np.array_equal(plain.critical, paired.critical)


def test_two_sets_of_weights_are_compared_case_by_case(
    config: Configuration, make_bank: MakeBank
) -> None:
    tuning, sanity = make_bank(300, ("A", "B")), make_bank(40, ("SANITY",), seed=1)
    objective = WeightObjective(tuning, sanity, config.objective)
    old, new = random_weights(config, 2, seed=4)
    vectors = (effective_coefficients(old), effective_coefficients(new))
    parts = [
        Part(bank, np.full(len(bank.cases), group), np.zeros(len(bank.cases), np.intp))
        for group, bank in enumerate((tuning.at(["A"]), tuning.at(["B"]), sanity))
    ]
    found = paired_counts(TrialBank.of(parts, 3, 1).blocks, *vectors)
    for group, (bank, *_) in enumerate(parts):
        was_right, is_right = (
            np.take_along_axis(
                bank.labels.is_gold, (bank.facts().features @ v).argmax(axis=1)[:, None], axis=1
            )
            for v in vectors
        )
        assert found.correct[group] == is_right.sum()
        assert found.wins[group] == (is_right & ~was_right).sum()
        assert found.losses[group] == (was_right & ~is_right).sum()
    assert found.wins.sum() > 0
    assert found.losses.sum() > 0
    values = [objective.evaluate(weights).value for weights in (old, new)]
    assert objective.paired(old, new).change == values[1] - values[0]
    assert objective.paired(old, old) == (0.0, 0.0)
