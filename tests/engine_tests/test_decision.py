from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.decision import Status, decide

if TYPE_CHECKING:
    from objectives.configuration import Configuration

NOTHING = float("-inf")


@pytest.mark.parametrize(
    ("best", "runner_up", "non_clinical", "status"),
    [
        (1.3, 0.7, False, Status.MATCH),
        (1.3, NOTHING, False, Status.MATCH),
        (1.3, 1.295, False, Status.AMBIGUOUS),
        (0.6, 0.2, False, Status.AMBIGUOUS),
        (0.2, 0.1, False, Status.NO_MATCH),
        (-0.4, -0.5, False, Status.NO_MATCH),
        (NOTHING, NOTHING, False, Status.NO_MATCH),
        (1.3, 0.7, True, Status.NON_CLINICAL),
    ],
)
def test_statuses(
    best: float, runner_up: float, non_clinical: bool, status: Status, config: Configuration
) -> None:
    decisions = decide(
        np.array([best], dtype=np.float32),
        np.array([runner_up], dtype=np.float32),
        np.array([non_clinical]),
        config.weights,
        config.decision,
    )
    assert decisions.statuses.tolist() == [status]
    assert 0.0 <= decisions.confidences[0] <= 1.0
