"""Made-up problems whose best weights are known, and how near a search comes to them.

usage: python -m benchmarks.known_optimum PROBLEM SEED N_LINE_SEARCH N_TPE
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.search_study import Budget, search
from engine.ranking.coefficients import effective_coefficients
from engine.ranking.weights import N_FEATURES, Feature
from engine.rounding import FEATURE_GRID
from objectives.bank.feature_bank import FeatureBank
from objectives.bank.labelled_bank import LabelledBank, Labels
from objectives.bank.scoring import find_winners
from objectives.cases.cases import Case
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.configuration import load_configuration
from objectives.metrics import accuracy_at_1
from objectives.search_space import SearchSpace
from studies.definition.options import OptimizationConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.configuration import Configuration

PROBLEMS = (
    "clean",
    "10% wrong labels",
    "a redundant feature",
    "an optimum on the boundary",
)
_CLEAN, _WRONG, _REDUNDANT, _BOUNDARY = PROBLEMS
N_CASES = 2_000
TOP_K = 6
_WRONG_SHARE = 0.1
_MOST_ADDITIONS = 5
_AT_LOW_END = ("exact_match_bonus", "interventional_bonus", "contrast_mismatch_score")
_AT_HIGH_END = (  # of u: a share of 0
    *("u_modality_weight", "u_technique_weight", "u_frequency_weight"),
    "contrast_null_score",
)
_SECONDS = 60.0  # the most that a search may take


class KnownOptimum(NamedTuple):
    """A problem and its answer.

    Attributes
    ----------
    bank : LabelledBank
        Answerable cases of one site; none of their candidates is dangerous.
    weights : Weights
        Those under which the right labels were given.
    """

    bank: LabelledBank
    weights: Weights

    @property
    def accuracy(self) -> float:
        """accuracy@1 of the known weights: 1 unless labels are wrong."""
        winners = find_winners(self.bank, effective_coefficients(self.weights))
        return accuracy_at_1(winners.correct, self.bank.labels.answerable)


def make_problem(name: str, space: SearchSpace, seed: int) -> KnownOptimum:
    """Draw weights and random facts; gold is the candidate that those weights rank first.

    Parameters
    ----------
    name : str
        One of `PROBLEMS`.
    space : SearchSpace
        Where the weights are drawn from.
    seed : int
    """
    rng = np.random.default_rng([PROBLEMS.index(name), seed])
    weights = _draw_weights(space, rng, on_boundary=name == _BOUNDARY)
    features = _draw_features(rng)
    if name == _REDUNDANT:
        features[..., Feature.TECHNIQUE] = features[..., Feature.LATERALITY]
    gold = np.argmax(features @ effective_coefficients(weights), axis=1)
    if name == _WRONG:
        wrong = rng.choice(N_CASES, round(_WRONG_SHARE * N_CASES), replace=False)
        gold[wrong] = (gold[wrong] + rng.integers(1, TOP_K, size=len(wrong))) % TOP_K
    return KnownOptimum(_bank(features, gold), weights)


def _draw_weights(space: SearchSpace, rng: np.random.Generator, *, on_boundary: bool) -> Weights:
    point = {axis.name: float(rng.uniform(axis.low, axis.high)) for axis in space.coordinates}
    if on_boundary:
        ends = {axis.name: axis for axis in space.coordinates}
        point |= {name: ends[name].low for name in _AT_LOW_END}
        point |= {name: ends[name].high for name in _AT_HIGH_END}
    return space.decode(point)


def _draw_features(rng: np.random.Generator) -> NDArray[np.float32]:
    shape = (N_CASES, TOP_K, N_FEATURES)
    features = rng.integers(0, FEATURE_GRID + 1, size=shape) / FEATURE_GRID
    features[..., Feature.UNSTATED_ADDITIONS] = rng.integers(
        0, _MOST_ADDITIONS + 1, size=shape[:2]
    )
    return features.astype(np.float32)


def _bank(features: NDArray[np.float32], gold: NDArray[np.intp]) -> LabelledBank:
    everyone = np.arange(N_CASES)
    is_gold = np.zeros((N_CASES, TOP_K), dtype=np.bool_)
    is_gold[everyone, gold] = True
    cases = tuple(
        Case("MADE UP", "CT", "", f"name {case}", f"row {case}", has_gold=True)
        for case in range(N_CASES)
    )
    bank = FeatureBank(
        features,
        np.tile(np.arange(TOP_K, dtype=np.int32), (N_CASES, 1)),
        np.zeros((N_CASES, TOP_K), dtype=np.uint8),
        np.full(N_CASES, TOP_K, dtype=np.int32),
        np.ones(N_CASES, dtype=np.float64),
        np.zeros(N_CASES, dtype=np.bool_),
        np.zeros(N_CASES, dtype=np.bool_),
    )
    safe = np.zeros((N_CASES, TOP_K, len(CRITICAL_KINDS)), dtype=np.bool_)
    labels = Labels.of(everyone.astype(np.int32), is_gold, safe)
    return LabelledBank(cases, bank, everyone, labels)


def accuracy_found(
    config: Configuration, problem: KnownOptimum, strategy: str, seed: int, n_trials: int
) -> float:
    """Return the accuracy@1 that a study from the configured weights comes to, unpruned."""
    options = OptimizationConfig(strategy=strategy, seed=seed, pruner="none")
    alone = config.objective.model_copy(update={"sanity_weight": 0.0})
    searched = search(
        config.model_copy(update={"objective": alone}),
        options.study_settings(config),
        problem.bank,
        problem.bank.take(np.arange(1)),  # counts for nothing
        Budget(n_trials, _SECONDS),
    )
    return searched.steps[-1].value


def main() -> None:
    """Search one problem with the line search and with TPE; print both accuracies."""
    name, seed, n_line_search, n_tpe = sys.argv[1], *map(int, sys.argv[2:])
    config = load_configuration()
    problem = make_problem(name, SearchSpace(config.study.bounds), seed)
    found = {
        "problem": name,
        "seed": seed,
        "known": problem.accuracy,
        "line_search": accuracy_found(config, problem, "line_search", seed, n_line_search),
        "tpe": accuracy_found(config, problem, "tpe", seed, n_tpe),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
