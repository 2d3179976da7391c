from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.decision import Evidence, Status, decide

if TYPE_CHECKING:
    from objectives.configuration import Configuration

NOTHING = float("-inf")


@pytest.mark.parametrize(
    ("best", "runner_up", "departs", "states_nothing", "non_clinical", "status"),
    [
        (1.3, 0.7, False, False, False, Status.MATCH),
        (1.3, NOTHING, False, False, False, Status.MATCH),
        (1.3, 1.295, False, False, False, Status.AMBIGUOUS),
        (0.6, 0.2, False, False, False, Status.AMBIGUOUS),
        (0.2, 0.1, False, False, False, Status.NO_MATCH),
        (-0.4, -0.5, False, False, False, Status.NO_MATCH),
        (1.3, 0.7, False, True, False, Status.NO_MATCH),
        (NOTHING, NOTHING, False, False, False, Status.NO_MATCH),
        (1.3, 0.7, True, False, False, Status.AMBIGUOUS),
        (0.2, 0.1, True, False, False, Status.NO_MATCH),
        (1.3, 0.7, False, False, True, Status.NON_CLINICAL),
    ],
)
def test_statuses(
    best: float,
    runner_up: float,
    departs: bool,
    states_nothing: bool,
    non_clinical: bool,
    status: Status,
    config: Configuration,
) -> None:
    evidence = Evidence(
        np.array([best], dtype=np.float32),
        np.array([runner_up], dtype=np.float32),
        np.array([departs]),
        np.array([0.2], dtype=np.float32),
        np.array([states_nothing]),
        np.array([non_clinical]),
    )
    decisions = decide(evidence, config.weights, config.decision)
    assert decisions.statuses.tolist() == [status]
    assert 0.0 <= decisions.confidences[0] <= 1.0
