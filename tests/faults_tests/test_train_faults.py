"""The short form of ``make test-faults``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.train_faults import kill_training

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server

pytestmark = pytest.mark.process


def test_killed_sessions_end_as_undisturbed_ones(tmp_path: Path) -> None:
    tally = kill_training(4, tmp_path, most_workers=1, n_records_per_site=50)
    assert tally.spots.total() == 4
    assert tally.n_equal == tally.n_sessions > 0


def test_so_do_they_on_postgresql(tmp_path: Path, postgres: Server) -> None:
    tally = kill_training(
        2,
        tmp_path,
        new_storage=postgres.new_database,
        most_workers=1,
        n_records_per_site=50,
    )
    assert tally.n_equal == tally.n_sessions > 0
