"""The short form of ``make test-faults``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.train_faults import kill_training

if TYPE_CHECKING:
    from benchmarks.faults_ground import Ground
    from tests.postgres import Server

pytestmark = pytest.mark.process


def test_killed_sessions_end_as_undisturbed_ones(ground: Ground) -> None:
    tally = kill_training(ground, 3, most_workers=1)
    assert tally.spots.total() == 3
    assert tally.n_equal == tally.n_sessions > 0


def test_so_do_they_on_postgresql(ground: Ground, postgres: Server) -> None:
    tally = kill_training(ground, 3, postgres.new_database, most_workers=1)
    assert tally.n_equal == tally.n_sessions > 0
