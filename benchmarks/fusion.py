"""The weights of five similarity runs: our pass over the facts beside ranx's optimize_fusion."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.measurement import Measurement, at_least, in_turn, seconds
from engine.ranking.weights import N_FEATURES, Feature
from engine.rounding import COEFFICIENT_GRID, shares_on_grid
from objectives.bank.trial_bank import Part, TrialBank
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.workspace import Workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank

RANX = Path(".local", "ranx", "bin", "python")
_NAME = "weights of 5 runs: ours against ranx optimize_fusion"
_UNIT = "times as fast"
_TARGET = 50.0
_N_CASES = 1_000
_N_ROUNDS = 5
_STEPS = 10  # as ranx: every share is a multiple of 0.1
_RUNS = (
    Feature.ANATOMY,
    Feature.MODALITY,
    Feature.TECHNIQUE,
    Feature.SEMANTIC,
    Feature.FREQUENCY,
)
_WORKER = Path(__file__).with_name("fusion_worker.py")


class _Found(NamedTuple):
    weights: list[float]
    hit_rate: float


def measure() -> list[Measurement]:
    """Find weights on a seeded sample of the tuning sites, on both sides."""
    if not RANX.exists():
        return [
            Measurement(
                _NAME,
                None,
                _TARGET,
                holds=False,
                unit=_UNIT,
                detail=f"no {RANX} here: `make bench` makes it",
                is_least=True,
            )
        ]
    bank = _sample()
    (ours_s,) = in_turn([lambda: seconds(lambda: search(bank))], _N_ROUNDS)
    ours = search(bank)
    theirs = _ranx(bank, ours.weights)
    row = at_least(
        _NAME,
        theirs["seconds"] / ours_s,
        _TARGET,
        _UNIT,
        f"{1000 * ours_s:.0f} ms against {theirs['seconds']:.1f} s without compiling; "
        f"{len(bank.cases):,} cases x {bank.bank.rows.shape[1]} candidates; hit rate at 1 "
        f"{ours.hit_rate:.3f} (as ranx counts {theirs['hit_rate_of_ours']:.3f}) against "
        f"{theirs['hit_rate']:.3f}",
    )
    is_as_good = theirs["hit_rate_of_ours"] >= theirs["hit_rate"]
    return [row._replace(holds=bool(row.holds) and is_as_good)]


def search(bank: LabelledBank) -> _Found:
    """Try every point of the grid that ranx tries, all at once."""
    nowhere = np.zeros(len(bank.cases), dtype=np.intp)
    trials = TrialBank.of([Part(bank, nowhere, nowhere)], n_groups=1, n_segments=1)
    points = _simplex()
    vectors = np.zeros((len(points), N_FEATURES), dtype=np.float32)
    vectors[:, _RUNS] = [shares_on_grid(point, COEFFICIENT_GRID) for point in points]
    n_correct = trials.tally(0, vectors).correct[:, 0]
    best = int(np.argmax(n_correct))
    return _Found(vectors[best, _RUNS].tolist(), float(n_correct[best] / len(bank.cases)))


def _simplex() -> NDArray[np.float64]:
    """Return every way to cut 1 into shares of 1 / `_STEPS`, shape (n_points, n_runs)."""
    cuts = itertools.combinations(range(_STEPS + len(_RUNS) - 1), len(_RUNS) - 1)
    bars = np.array(list(cuts))
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=(-1, _STEPS + len(_RUNS) - 1))
    shares: NDArray[np.float64] = (np.diff(edges, axis=1) - 1) / _STEPS
    return shares


def _sample() -> LabelledBank:
    config = load_configuration()
    workspace = Workspace(config)
    cases = workspace.load_cases(dataset_files(config.data.training_dir)).cases
    bank = workspace.bank(cases).at(config.split.tuning).answerable()
    chosen = np.random.default_rng(config.study.seed).permutation(len(bank.cases))[:_N_CASES]
    return bank.take(np.sort(chosen))


def _ranx(bank: LabelledBank, weights: list[float]) -> dict[str, float]:
    """Let ranx find weights on the same candidates, and score ours."""
    with tempfile.TemporaryDirectory() as folder:
        job, found = Path(folder, "job.json"), Path(folder, "found.json")
        job.write_text(json.dumps({**_as_runs(bank), "weights": weights}))
        done = subprocess.run(  # noqa: S603 - our own script
            [RANX, _WORKER, job, found], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"ranx failed: {done.stderr[-2000:]}")
        answer: dict[str, float] = json.loads(found.read_text())
    return answer


def _as_runs(bank: LabelledBank) -> dict[str, object]:
    """Write facts as ranx reads them: by case and candidate, a score of each run."""
    facts, is_gold = bank.facts(), bank.labels.is_gold
    runs: list[dict[str, dict[str, float]]] = [{} for _ in _RUNS]
    gold: dict[str, dict[str, int]] = {}
    for case, n_candidates in enumerate(facts.n_candidates.tolist()):
        scores = facts.features[case, :n_candidates][:, _RUNS].T.tolist()
        for run, of_run in zip(runs, scores, strict=True):
            run[f"{case}"] = {f"{place}": score for place, score in enumerate(of_run)} or {
                "0": 0.0
            }
        right = np.flatnonzero(is_gold[case, :n_candidates]).tolist()
        gold[f"{case}"] = {f"{place}": 1 for place in right} or {"none": 1}
    return {"gold": gold, "runs": runs}
