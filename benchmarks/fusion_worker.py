"""Run in ranx's own environment: find the weights of runs, and score weights as ranx does.

usage: python fusion_worker.py JOB.json FOUND.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

# ranx is installed in the environment this runs in, not in the project's
from ranx import Qrels, Run, evaluate, fuse, optimize_fusion  # type: ignore[import-not-found]

_METRIC = "hit_rate@1"
_N_WARM_UP = 20  # cases on which numba compiles


def main() -> None:
    """Answer a job: the weights that ranx finds, its seconds, and the hit rates of both sides."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _optimize(Qrels(_first(job["gold"])), [Run(_first(run)) for run in job["runs"]])
    gold, runs = Qrels(job["gold"]), [Run(run) for run in job["runs"]]
    started = time.perf_counter()
    weights = _optimize(gold, runs)
    seconds = time.perf_counter() - started
    found = {
        "seconds": seconds,
        "weights": list(weights),
        "hit_rate": _hit_rate(gold, runs, weights),
        "hit_rate_of_ours": _hit_rate(gold, runs, job["weights"]),
    }
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


def _first(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return dict(list(scores.items())[:_N_WARM_UP])


def _optimize(gold: Qrels, runs: list[Run]) -> list[float]:
    found = optimize_fusion(gold, runs, norm=None, method="wsum", metric=_METRIC)
    weights: list[float] = found["weights"]
    return weights


def _hit_rate(gold: Qrels, runs: list[Run], weights: list[float]) -> float:
    fused = fuse(runs, norm=None, method="wsum", params={"weights": weights})
    return float(evaluate(gold, fused, _METRIC))


if __name__ == "__main__":
    main()
