from __future__ import annotations

import numpy as np
import pytest

from engine.decision.decide import Decisions, Status
from objectives.bank.labelled_bank import Labels
from objectives.cases.cases import Case
from objectives.metrics import accuracy_at_1, decision_accuracy, recall_at_k
from objectives.validation import consistency


def flags(*values: int) -> np.typing.NDArray[np.bool_]:
    return np.array(values, dtype=np.bool_)


def test_the_denominator_is_the_answerable_cases() -> None:
    assert accuracy_at_1(flags(1, 0, 0, 1), flags(1, 1, 0, 1)) == pytest.approx(2 / 3)
    assert accuracy_at_1(flags(0, 0), flags(0, 0)) == 0.0


def test_recall_counts_gold_among_the_candidates() -> None:
    is_gold = np.array([[1, 0], [0, 0], [0, 1], [0, 0]], dtype=np.bool_)
    labels = Labels.of(
        np.array([0, 1, 2, -1], dtype=np.int32), is_gold, np.zeros((4, 2, 7), dtype=np.bool_)
    )
    assert recall_at_k(labels) == pytest.approx(2 / 3)


def test_a_decision_is_right_on_gold_or_rightly_not_accepted() -> None:
    statuses = np.array(
        [Status.MATCH, Status.MATCH, Status.AMBIGUOUS, Status.NO_MATCH, Status.MATCH, Status.MATCH]
    )
    decisions = Decisions(statuses, np.zeros(6), np.zeros(6, dtype=np.int64), np.zeros(6))
    correct = flags(1, 0, 1, 0, 0, 0)
    answerable = flags(1, 1, 1, 0, 0, 0)
    labelled = flags(1, 1, 1, 1, 1, 0)
    assert decision_accuracy(decisions, correct, answerable, labelled) == pytest.approx(2 / 5)


def case(gold: str, name: str) -> Case:
    return Case("S", "", "", name, gold, has_gold=True)


def test_consistency_is_one_for_one_reading_per_row_and_nothing_for_a_constant() -> None:
    same = [
        case("a", "CT head"),
        case("a", "ct brain"),
        case("b", "XR knee L"),
        case("b", "Left knee X-ray"),
    ]
    assert consistency(same, ()) == (1.0, 4)
    constant = [case(gold, "CT head") for gold in "aabbcc"]
    assert consistency(constant, ())[0] == 0.0
