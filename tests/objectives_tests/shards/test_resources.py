"""What scores a study's cases, without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from objectives.shards.case_counts import LocalCounts
from objectives.shards.resources import ComputeOptions, ComputeResources
from support.errors import ConfigurationError

if TYPE_CHECKING:
    from objectives.configuration import Configuration

NO_RECIPE: Any = None  # asked for nothing here


@pytest.mark.parametrize(
    ("options", "is_said"),
    [
        (ComputeOptions(), False),
        (ComputeOptions(n_local=2), True),
        (ComputeOptions(scheduler="tls://somewhere:8786"), True),
    ],
)
def test_few_cases_are_scored_by_this_process_which_says_so(
    options: ComputeOptions, is_said: bool, config: Configuration
) -> None:
    said: list[str] = []
    with ComputeResources(options, said.append) as compute:
        spread = compute.spread(NO_RECIPE, config.compute.least_cases - 1, config.compute)
    assert spread is LocalCounts
    assert [config.compute.least_cases] * is_said == [
        int(line.split("from ")[1].split(" ")[0].replace(",", "")) for line in said
    ]


def test_without_a_scheduler_banks_are_computed_on_this_machine() -> None:
    with ComputeResources(ComputeOptions(n_local=4), print) as compute:
        assert compute.executor() is None


def test_local_workers_and_a_scheduler_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="give one of them"):
        ComputeResources(ComputeOptions("tls://somewhere:8786", n_local=2), print)
