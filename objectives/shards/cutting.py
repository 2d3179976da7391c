"""Cut the cases of a study into shards."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.weights import N_FEATURES
from objectives.bank.trial_bank import Part
from support.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from objectives.bank.feature_bank import BankRecipe

_MOST_BYTES = 64 << 20  # of a shard's facts
_FEWEST_SHARDS = 4  # of a worker


def cases_per_shard(n_cases: int, top_k: int, n_workers: int) -> int:
    """Return how many cases a shard has: at most 64 MB of facts, at least four shards a worker."""
    bytes_per_case = top_k * N_FEATURES * np.dtype(np.float32).itemsize
    evenly = math.ceil(n_cases / (_FEWEST_SHARDS * n_workers))
    return max(1, min(evenly, _MOST_BYTES // bytes_per_case))


class Shard(NamedTuple):
    """Neighbouring cases, and how they are called."""

    name: str
    parts: list[Part]

    def key(self, recipe: BankRecipe, n_groups: int, n_segments: int) -> str:
        """Hash all that the laid out shard depends on."""
        digest = hashlib.sha256(hash_of([n_groups, n_segments]).encode())
        for cases, groups, segments in self.parts:
            digest.update(recipe.key(cases.cases).encode())
            for array in (*cases.labels, groups, segments):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:32]


def cut(parts: Sequence[Part], size: int) -> Iterator[Shard]:
    """Cut cases, one part behind the other, into shards."""
    n_cases = sum(len(part.groups) for part in parts)
    n_shards = math.ceil(n_cases / size)
    edges = np.linspace(0, n_cases, n_shards + 1).astype(np.intp)
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        inside, before = [], 0
        for part in parts:
            first, last = max(start - before, 0), min(stop - before, len(part.groups))
            before += len(part.groups)
            if first < last:
                cases = np.arange(first, last)
                inside.append(
                    Part(part.labelled.take(cases), part.groups[cases], part.segments[cases])
                )
        name = f"cases {start + 1:,} to {stop:,} of {n_cases:,} that trials are scored on"
        yield Shard(name, inside)
