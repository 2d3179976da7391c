"""The shards that a compute worker keeps from one task to the next.

They are in the folder that Dask gives every worker: it is the worker's own, is removed when the
worker ends, and what killed ones left is removed by the next worker that uses the same place
(``temporary-directory`` in Dask's configuration).
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from objectives.bank.trial_bank import TrialBank
from objectives.shards.shard_files import SHARD_ARRAYS, open_shard, save_shard
from support.arrays.array_folder import open_or_build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from objectives.bank.trial_bank import Part
    from objectives.shards.questions import Question

_N_SETS = 4  # of shards: of that many studies


class ShardSource(NamedTuple):
    """All that a worker needs to lay out a shard."""

    parts: Sequence[Part]
    n_groups: int
    n_segments: int


class ShardAnswers(NamedTuple):
    """What a worker says for some shards.

    Attributes
    ----------
    answers : dict
        Shard to its answer.
    missing : tuple of str
        Shards that the worker lacks.
    """

    answers: dict[str, Any]
    missing: tuple[str, ...]


_shards: OrderedDict[str, dict[str, TrialBank]] = OrderedDict()
_lock = Lock()


def answer_shards(shard_set: str, shards: Sequence[str], question: Question[Any]) -> ShardAnswers:
    """Answer for the shards of a set that are here."""
    answers: dict[str, Any] = {}
    for shard in shards:
        bank = _opened(shard_set, shard)
        if bank is not None:
            answers[shard] = question.answer(bank)
    return ShardAnswers(answers, tuple(shard for shard in shards if shard not in answers))


def build_shard(
    shard_set: str, shard: str, source: ShardSource, question: Question[Any]
) -> ShardAnswers:
    """Keep a shard laid out for trials, and answer for it."""
    folder = _folder(shard_set, shard)
    open_or_build(folder, shard, SHARD_ARRAYS, lambda new: save_shard(new, TrialBank.of(*source)))
    bank = open_shard(folder)
    with _lock:
        _banks_of(shard_set)[shard] = bank
    return ShardAnswers({shard: question.answer(bank)}, ())


def _opened(shard_set: str, shard: str) -> TrialBank | None:
    """Return a shard whose files are still there."""
    with _lock:
        bank = _banks_of(shard_set).get(shard)
    return bank if bank is not None and _folder(shard_set, shard).is_dir() else None


def _banks_of(shard_set: str) -> dict[str, TrialBank]:
    """Return the shards of a set; those that were not asked about for long are cleared away."""
    banks = _shards.setdefault(shard_set, {})
    _shards.move_to_end(shard_set)
    while len(_shards) > _N_SETS:
        old, _ = _shards.popitem(last=False)
        shutil.rmtree(_folder(old), ignore_errors=True)
    return banks


def _folder(*names: str) -> Path:
    from distributed import get_worker  # noqa: PLC0415 - optional

    return Path(get_worker().local_directory, "radtune-shards", *names)
