"""One search on the tuning sites in a process of its own, and what the gate says of it.

usage: python -m benchmarks.search_worker JOB

JOB and what is printed are JSON: a `Job`, a `Run`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from benchmarks.search_study import Budget, Searched, search
from benchmarks.search_trace import Step, after_trials
from objectives.configuration import Configuration, load_configuration
from objectives.search_space import weights_of
from studies.datasets import Material, load_material, load_sanity
from studies.definition.options import OptimizationConfig
from studies.gate.evaluation import prove
from studies.gate.gate import Verdict


class Job(NamedTuple):
    """What a worker is asked for.

    Attributes
    ----------
    strategy, pruner : str
    seed : int
    budget : Budget
    gate_after : int
        Trials after which the best is held against the gate.
    """

    strategy: str
    pruner: str
    seed: int
    budget: Budget
    gate_after: int

    @property
    def name(self) -> str:
        """The strategy, and whether it runs without a pruner."""
        return f"{self.strategy}, no pruner" if self.pruner == "none" else self.strategy

    def written(self) -> str:
        """Write it as JSON."""
        return json.dumps(self)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `written` wrote."""
        strategy, pruner, seed, budget, gate_after = json.loads(text)
        return cls(strategy, pruner, seed, Budget(*budget), gate_after)


class Gated(NamedTuple):
    """What the gate said.

    Attributes
    ----------
    verdict : Verdict
    rises : list of str
        Kinds of critical errors that forbid an export, with their counts.
    weights : mapping of str to float
        What was shown to it.
    """

    verdict: Verdict
    rises: list[str]
    weights: Mapping[str, float]


class Run(NamedTuple):
    """What a worker found."""

    searched: Searched
    gated: Gated

    @property
    def steps(self) -> list[Step]:
        """From trial 0 to the best."""
        return self.searched.steps

    @classmethod
    def read(cls, printed: Any) -> Self:  # noqa: ANN401 - JSON
        """Read what a worker printed."""
        (steps, *others), (verdict, rises, weights) = printed
        searched = Searched([Step(*step) for step in steps], *others)
        return cls(searched, Gated(Verdict(verdict), rises, weights))


def run(job: Job) -> Run:
    """Search, then hold the gate."""
    config = load_configuration()
    material = load_material(config, [], None)
    sanity = load_sanity(config, material.workspace).bank
    options = OptimizationConfig(strategy=job.strategy, pruner=job.pruner, seed=job.seed)
    settings = options.study_settings(config)
    searched = search(config, settings, material.tuning.answerable(), sanity, job.budget)
    shown = after_trials(searched.steps, job.gate_after)
    return Run(searched, _gated(config, material, shown))


def _gated(config: Configuration, material: Material, shown: Step) -> Gated:
    best = weights_of(shown.weights)
    gate = prove(config, material, config.weights, best, look=1).gate
    rises = [f"{rise} among {rise.among}" for rise in gate.rises if rise.refuses]
    return Gated(gate.verdict, rises, shown.weights)


if __name__ == "__main__":
    print(json.dumps(run(Job.read(sys.argv[1]))))
