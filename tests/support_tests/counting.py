"""How often a compute worker does what: `tests.cluster.COUNTED` has it load this first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from objectives.shards import shard_worker
from objectives.shards.questions import LineQuestion, PairedLineQuestion, TrialQuestion

if TYPE_CHECKING:
    from collections.abc import Callable

_counts: Counter[str] = Counter()


def work_counts() -> dict[str, int]:
    """Tell how often this process has laid out a shard, and asked one about a trial or a line."""
    return dict(_counts)


def dask_setup(_worker: object) -> None:
    for owner, name, what in (
        (shard_worker, "save_shard", "bank_shards"),
        (TrialQuestion, "answer", "trial_shards"),
        (LineQuestion, "answer", "line_shards"),
        (PairedLineQuestion, "answer", "line_shards"),
    ):
        setattr(owner, name, _counted(getattr(owner, name), what))


def _counted(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        _counts[what] += 1
        return function(*given)

    return call
