from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision.confidence import set_probabilities
from engine.decision.decide import Decided, Status, decide, may_be_accepted
from engine.decision.evidence import N_SCORES, Evidence
from engine.decision.settings import Calibration, SetModel

if TYPE_CHECKING:
    from objectives.configuration import Configuration

NOTHING = float("-inf")
# The log-odds of the first row are 10 x score - 5, and grow with every row that is added.
CALIBRATION = Calibration(
    first=tuple(
        SetModel(intercept=rows - 6.0, score=10.0, margin=0.0, additions=0.0, completeness=0.0)
        for rows in range(1, 6)
    ),
    accept_threshold=0.98,
    catalogue="",
    weights="",
    settings="",
)


def evidence(
    *scores: float,
    departs: bool = False,
    states_nothing: bool = False,
    non_clinical: bool = False,
    usage_part: float = 0.0,
) -> Evidence:
    padded = [*scores, *[NOTHING] * (N_SCORES - len(scores))]
    return Evidence(
        scores=np.array([padded], dtype=np.float32),
        usage_part=np.array([usage_part], dtype=np.float32),
        additions=np.zeros(1, dtype=np.float32),
        completeness=np.ones(1),
        departs=np.array([departs]),
        text_similarity=np.array([0.2], dtype=np.float32),
        states_nothing=np.array([states_nothing]),
        non_clinical=np.array([non_clinical]),
    )


def decided(found: Evidence, config: Configuration) -> Decided:
    decisions = decide(found, CALIBRATION, config.decision)
    return Decided(*(column[0] for column in decisions))


@pytest.mark.parametrize(
    ("found", "status", "set_size"),
    [
        (evidence(1.3, 0.7), Status.MATCH, 1),
        (evidence(1.3), Status.MATCH, 1),
        (evidence(1.3, 1.3, 1.3, 0.2), Status.AMBIGUOUS, 3),
        (evidence(0.75, 0.7, 0.6, 0.5, 0.4, 0.3), Status.AMBIGUOUS, 2),
        (evidence(0.55, 0.5, 0.4, 0.3, 0.2, 0.1), Status.AMBIGUOUS, 4),
        (evidence(0.3, 0.2, 0.1, 0.1, 0.1, 0.1), Status.AMBIGUOUS, 5),
        (evidence(0.3, 0.2), Status.AMBIGUOUS, 2),
        (evidence(-0.1, -0.2), Status.NO_MATCH, 0),
        (evidence(-0.4, -0.5), Status.NO_MATCH, 0),
        (evidence(1.3, 0.7, states_nothing=True), Status.NO_MATCH, 0),
        (evidence(), Status.NO_MATCH, 0),
        (evidence(1.3, 0.7, departs=True), Status.AMBIGUOUS, 1),
        (evidence(-0.1, -0.2, departs=True), Status.NO_MATCH, 0),
        (evidence(1.3, 0.7, non_clinical=True), Status.NON_CLINICAL, 0),
    ],
)
def test_statuses_and_sets(
    found: Evidence, status: Status, set_size: int, config: Configuration
) -> None:
    answer = decided(found, config)
    assert answer.status == status
    assert answer.set_size == set_size
    assert 0.0 <= answer.confidence <= 1.0
    if status is Status.AMBIGUOUS:
        assert answer.set_probability >= answer.confidence


def test_confidence_is_the_probability_of_the_model(config: Configuration) -> None:
    answer = decided(evidence(0.75, 0.5, usage_part=0.05), config)
    assert answer.confidence == pytest.approx(1 / (1 + np.exp(-(10 * 0.70 - 5))), abs=1e-6)


def test_without_a_threshold_nothing_is_accepted(config: Configuration) -> None:
    strict = CALIBRATION.model_copy(update={"accept_threshold": None})
    decisions = decide(evidence(9.0, 0.1), strict, config.decision)
    assert decisions.statuses.tolist() == [Status.AMBIGUOUS]


@given(st.lists(st.integers(-4096, 3 * 4096), min_size=0, max_size=N_SCORES))
def test_sets_rise_and_one_case_gives_what_it_gives_among_many(
    units: list[int],
) -> None:
    scores = sorted((unit / 4096 for unit in units), reverse=True)
    one = evidence(*scores)
    others = [evidence(0.5, 0.25), one, evidence(1.0)] * 7
    many = Evidence(*(np.concatenate(columns) for columns in zip(*others, strict=True)))
    alone, among = (set_probabilities(some, CALIBRATION.first) for some in (one, many))
    assert np.array_equal(alone[0], among[1])
    assert np.all(np.diff(alone[0]) >= 0)
    assert np.array_equal(may_be_accepted(many)[1:2], may_be_accepted(one))
