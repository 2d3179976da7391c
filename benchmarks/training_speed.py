"""A cold training run beside a loop over single names, and beside TF-IDF that only answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measurement import Measurement, at_least, in_turn
from benchmarks.processes import run_cold
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration, resolve
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from objectives.configuration import Configuration

_N_ROUNDS = 3
_N_WORKERS = 2
_TARGET_LOOP = 3.0
_TARGET_TFIDF = 1.0
_TRAIN = (
    str(PROJECT_ROOT / "scripts" / "run_training.py"),
    *("train", "--json", "--max-workers", str(_N_WORKERS)),
)
_LOOP = ("-m", "benchmarks.one_by_one_worker")
_TFIDF = Path(__file__).with_name("tfidf_worker.py")


def measure() -> list[Measurement]:
    """Run all three over every name of the training files, each as a process from nothing."""
    config = load_configuration()
    files = dataset_files(config.data.training_dir)
    train, loop, tfidf = in_turn(
        [
            lambda: run_cold(_TRAIN).seconds,
            lambda: run_cold(_LOOP).seconds,
            lambda: _tfidf(config, files),
        ],
        _N_ROUNDS,
    )
    return [
        at_least(
            "cold `radtune train` against one name at a time",
            loop / train,
            _TARGET_LOOP,
            "times as fast",
            f"{train:.1f} s against {loop:.1f} s, whole processes on {_N_WORKERS} and 1 core; "
            "the loop answers, it measures nothing",
        ),
        at_least(
            "cold `radtune train` against TF-IDF argmax",
            tfidf / train,
            _TARGET_TFIDF,
            "times as fast",
            f"{train:.1f} s against {tfidf:.1f} s, whole processes on {_N_WORKERS} and 1 core; "
            "TF-IDF reads, fits and answers, it measures nothing",
        ),
    ]


def _tfidf(config: Configuration, files: list[Path]) -> float:
    inputs = [resolve(config.data.catalogue), *files]
    return run_cold([str(_TFIDF), *(str(path.resolve()) for path in inputs)]).seconds
