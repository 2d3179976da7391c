"""Two compute workers, for what runs functions over parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.compute.connection import crew_of_scheduler
from tests.cluster import running_cluster, step_until
from tests.support_tests.compute_work import nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.compute.crew import DaskCrew


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCrew]:
    """Two workers that no test hurts."""
    with (
        running_cluster(tmp_path_factory.mktemp("pair"), 2) as cluster,
        crew_of_scheduler(cluster.url, nothing) as crew,
    ):
        step_until(crew, lambda: len(crew.workers) == 2)
        yield crew
