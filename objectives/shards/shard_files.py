"""Keep cases laid out for trials in a folder, to be mapped by whoever scores them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.bank.trial_bank import Block, ShardSummary, TrialBank, members_of
from support.arrays.array_folder import map_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class _Shard(NamedTuple):
    """The arrays of a shard; what belongs to blocks stands flat, block after block.

    Attributes
    ----------
    features : ndarray of float32, shape (n_filled_candidates, n_features)
    codes : ndarray of uint8, shape (n_filled_candidates,)
    groups, n_left : ndarray of intp, shape (n_cases,)
    shapes : ndarray of int64, shape (n_blocks, 3)
        Segment, candidates and cases of each block.
    n_cases, n_reachable, n_found
        As `ShardSummary`.
    """

    features: NDArray[np.float32]
    codes: NDArray[np.uint8]
    groups: NDArray[np.intp]
    n_left: NDArray[np.intp]
    shapes: NDArray[np.int64]
    n_cases: NDArray[np.int64]
    n_reachable: NDArray[np.int64]
    n_found: NDArray[np.int64]


SHARD_ARRAYS = _Shard._fields


def save_shard(folder: Path, bank: TrialBank) -> None:
    """Write a shard of at least one case into a folder that is there.

    What must be there whole or not at all is built through
    `support.arrays.array_folder.open_or_build`, with the names `SHARD_ARRAYS`.
    """
    blocks, (n_cases, n_reachable, n_found, _) = bank.blocks, bank.summary
    shapes = [
        (segment, *block.codes.shape)
        for segment, inside in enumerate(bank.segments)
        for block in inside
    ]
    shard = _Shard(
        np.concatenate([block.features.reshape(-1, block.features.shape[2]) for block in blocks]),
        np.concatenate([block.codes.ravel() for block in blocks]),
        np.concatenate([block.groups for block in blocks]),
        np.concatenate([block.n_left for block in blocks]),
        np.array(shapes, dtype=np.int64),
        n_cases,
        n_reachable,
        n_found,
    )
    for name, array in shard._asdict().items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def open_shard(folder: Path) -> TrialBank:
    """Map what `save_shard` wrote, read-only."""
    shard = _Shard(*map(np.asarray, map_arrays(folder, SHARD_ARRAYS)))
    _, n_candidates, n_cases = shard.shapes.T
    by_candidate, by_case = np.cumsum(n_candidates * n_cases)[:-1], np.cumsum(n_cases)[:-1]
    columns = (
        shard.shapes.tolist(),
        *(np.split(column, by_candidate) for column in (shard.features, shard.codes)),
        *(np.split(column, by_case) for column in (shard.groups, shard.n_left)),
    )
    segments: list[list[Block]] = [[] for _ in shard.n_cases]
    for (segment, *shape), features, codes, groups, n_left in zip(*columns, strict=True):
        members = members_of(groups, len(shard.n_found))
        segments[segment].append(
            Block(features.reshape(*shape, -1), codes.reshape(shape), groups, members, n_left)
        )
    counted = (shard.n_cases, shard.n_reachable, shard.n_found)
    return TrialBank(ShardSummary(*counted, int(shard.n_left.sum())), segments)
