from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.weights import N_FEATURES
from objectives.bank.trial_bank import Part
from objectives.shards.assignment import assign
from objectives.shards.cutting import cases_per_shard, cut

if TYPE_CHECKING:
    from tests.conftest import MakeBank

WORKERS = st.lists(st.sampled_from("ABCDEF"), min_size=1, unique=True)


@given(st.integers(0, 30), st.lists(WORKERS, min_size=1, max_size=4))
def test_shards_are_shared_out_evenly_and_few_of_them_move(
    n_shards: int, crews: list[list[str]]
) -> None:
    shards = [f"shard {number}" for number in range(n_shards)]
    owners: dict[str, str] = {}
    for workers in crews:
        before, owners = owners, assign(shards, workers, owners)
        assert owners.keys() == set(shards)
        n_own = Counter(owners.values())
        shares = sorted(n_own[worker] for worker in workers)
        assert sum(shares) == n_shards
        assert shares[-1] - shares[0] <= 1
        kept = Counter(before[shard] for shard in before if before[shard] in workers)
        n_more = Counter(shares)[shares[0] + 1]
        most = shares[0] + np.array([1] * n_more + [0] * (len(workers) - n_more))
        had = sorted((kept[worker] for worker in workers), reverse=True)
        n_stayed = sum(before.get(shard) == owner for shard, owner in owners.items())
        assert n_stayed == np.minimum(had, most).sum()


@pytest.mark.parametrize(
    ("n_cases", "n_workers", "expected"),
    [
        (1, 3, 1),
        (8, 2, 1),
        (9, 2, 2),
        (8000, 2, 1000),
        (10**9, 1, (64 << 20) // (25 * N_FEATURES * 4)),
    ],
)
def test_a_shard_is_a_quarter_of_a_worker_or_64_mb(
    n_cases: int, n_workers: int, expected: int
) -> None:
    assert cases_per_shard(n_cases, 25, n_workers) == expected


@pytest.mark.parametrize(("size", "n_shards"), [(1, 17), (4, 5), (5, 4), (16, 2), (100, 1)])
def test_every_case_is_in_one_shard(size: int, n_shards: int, make_bank: MakeBank) -> None:
    parts = []
    for n_cases in (10, 0, 7):
        labelled = make_bank(max(n_cases, 1), ["A", "B"]).take(np.arange(n_cases))
        groups = np.arange(n_cases) % 2
        parts.append(Part(labelled, groups, np.arange(n_cases)))
    shards = list(cut(parts, size))
    assert len(shards) == n_shards
    assert all(sum(len(part.groups) for part in shard.parts) <= size for shard in shards)
    found = [part for shard in shards for part in shard.parts]
    for name in ("groups", "segments"):
        whole = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(np.concatenate([getattr(part, name) for part in found]), whole)
    cases = [case for part in found for case in part.labelled.cases]
    assert cases == [case for part in parts for case in part.labelled.cases]
    names = [shard.name for shard in shards]
    assert len(set(names)) == n_shards
    assert names[-1].startswith("cases ")
    assert "of 17 that trials are scored on" in names[-1]
