"""The command line, as in the tests of the scripts, and a place to disturb studies in."""

from __future__ import annotations

import pytest

from benchmarks.faults_ground import Ground
from tests.scripts_tests.conftest import cli, few_data, process_cli

__all__ = ["cli", "few_data", "process_cli"]


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("ground"), n_records_per_site=30)
