"""Which worker has which shard: evenly, and as it was as far as may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def assign(
    shards: Sequence[str], workers: Sequence[str], before: Mapping[str, str]
) -> dict[str, str]:
    """Give every shard a worker.

    Workers differ by one shard at most; no more shards move than that needs.

    Parameters
    ----------
    shards, workers : sequence of str
        At least one worker.
    before : mapping
        Shard to the worker that it had; that may be gone.
    """
    kept: dict[str, list[str]] = {worker: [] for worker in workers}
    homeless: list[str] = []
    for shard in shards:
        kept.get(before.get(shard, ""), homeless).append(shard)
    share, n_larger = divmod(len(shards), len(workers))
    quota = {
        worker: share + (place < n_larger)
        for place, worker in enumerate(sorted(workers, key=lambda one: -len(kept[one])))
    }
    for worker, own in kept.items():
        homeless += own[quota[worker] :]
        del own[quota[worker] :]
    for worker, own in kept.items():
        while len(own) < quota[worker]:
            own.append(homeless.pop())
    return {shard: worker for worker, own in kept.items() for shard in own}
