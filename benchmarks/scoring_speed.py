"""What one trial costs beside the bare arithmetic, and what it costs among hundreds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measurement import Measurement, at_least, at_most, in_turn, seconds
from engine.ranking.coefficients import effective_coefficients
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from objectives.workspace import Workspace
from studies.definition.options import make_pruner

if TYPE_CHECKING:
    from engine.ranking.weights import Weights
    from objectives.configuration import Configuration

N_VECTORS = 256
_N_ROUNDS = 15
_N_ROUNDS_OF_MANY = 5
_TARGET_ONE = 1.2
_TARGET_MANY = 6.0


def measure() -> list[Measurement]:
    """Value weights on every answerable case there is."""
    config = load_configuration()
    workspace = Workspace(config)
    cases = workspace.load_cases(dataset_files(config.data.training_dir)).cases
    bank = workspace.bank(cases).answerable()
    sanity = workspace.bank(workspace.load_sanity().cases).answerable()
    n_rungs = make_pruner(config, config.study).n_rungs
    objective = WeightObjective(bank, sanity, config.objective.cut(n_rungs))
    features = np.concatenate([bank.facts().features, sanity.facts().features])
    weights = _random_weights(config, N_VECTORS)
    return [_one(objective, features, weights[0]), _many(objective, weights)]


def _one(
    objective: WeightObjective, features: np.typing.NDArray[np.float32], weights: Weights
) -> Measurement:
    v = effective_coefficients(weights)
    ours, bare = in_turn(
        [
            lambda: seconds(lambda: objective.evaluate(weights)),
            lambda: seconds(lambda: np.argmax(features @ v, axis=1)),
        ],
        _N_ROUNDS,
    )
    return at_most(
        "one trial against bare argmax(features @ v)",
        ours / bare,
        _TARGET_ONE,
        "times its time",
        f"{1000 * ours:.2f} ms against {1000 * bare:.2f} ms, {len(features):,} cases",
    )


def _many(objective: WeightObjective, weights: list[Weights]) -> Measurement:
    def one_at_a_time() -> None:
        for one in weights:
            objective.evaluate(one)

    at_once, singly = in_turn(
        [
            functools.partial(seconds, lambda: objective.evaluate_many(weights)),
            functools.partial(seconds, one_at_a_time),
        ],
        _N_ROUNDS_OF_MANY,
    )
    return at_least(
        f"{N_VECTORS} weight vectors at once against one at a time",
        singly / at_once,
        _TARGET_MANY,
        "times the throughput",
        f"{1000 * at_once / N_VECTORS:.3f} ms a vector against {1000 * singly / N_VECTORS:.3f} ms",
    )


def _random_weights(config: Configuration, n_vectors: int) -> list[Weights]:
    space = SearchSpace(config.study.bounds)
    rng = np.random.default_rng(config.study.seed)
    return [
        space.decode(
            {axis.name: float(rng.uniform(axis.low, axis.high)) for axis in space.coordinates}
        )
        for _ in range(n_vectors)
    ]
