from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.ranking.coefficients import effective_coefficients
from engine.rounding import FEATURE_GRID
from objectives.bank.trial_bank import Part, TrialBank
from objectives.lines.margin_gradient import margin_gradient
from tests.conftest import random_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


def case_by_case(
    bank: LabelledBank, v: NDArray[np.float32], worth: NDArray[np.float64], margin: float
) -> NDArray[np.float64]:
    way = np.zeros(len(v))
    for number, (features, codes) in enumerate(
        zip(bank.facts().features, bank.labels.codes, strict=True)
    ):
        scores = features @ v
        right = [i for i in range(len(codes)) if codes[i] & 1]
        wrong = [i for i in range(len(codes)) if not codes[i] & 1]
        if not right or not wrong:
            continue
        best, rival = (max(some, key=lambda i: float(scores[i])) for some in (right, wrong))
        if abs(scores[best] - scores[rival]) < margin:
            way += worth[number % 2] * (features[best] - features[rival])
    return way


@pytest.mark.parametrize("margin", [0.1, 0.2])
def test_the_way_upwards_equals_a_case_by_case_sum(
    margin: float, config: Configuration, make_bank: MakeBank
) -> None:
    bank = make_bank(80, ("A", "B"))
    bank.labels.codes[:5] = 0  # no right row among the candidates
    bank.labels.codes[5:9] = 1  # no wrong one
    worth = np.array([0.5, 2.0])
    blocks = TrialBank.of([Part(bank, np.arange(80) % 2, np.zeros(80, np.intp))], 2, 1).blocks
    for weights in random_weights(config, 3):
        v = effective_coefficients(weights)
        expected = case_by_case(bank, v, worth, margin)
        found = margin_gradient(blocks, v, margin)
        assert np.any(found)
        assert np.array_equal(worth @ found / FEATURE_GRID, expected)
