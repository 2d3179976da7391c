"""``make bench-search``: how soon every strategy finds what, and whether it holds on new sites.

The only code that may open the test sites (``tests/test_closed_sites.py``).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks import search_report as report
from benchmarks.bench import keep, table
from benchmarks.known_optimum import PROBLEMS
from benchmarks.page import write_section
from benchmarks.pictures import draw_search
from benchmarks.processes import run_some_at_a_time
from benchmarks.search_report import Compared, Found, OnTestSites, Recovered
from benchmarks.search_study import Budget
from benchmarks.search_worker import Job, Run
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.decisions.decision_quality import count_critical
from objectives.metrics import accuracy_at_1
from objectives.search_space import real_weights, weights_of
from objectives.workspace import Workspace
from studies.datasets import load_material
from studies.gate.paired_test import clusters_of, paired_interval
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from objectives.configuration import Configuration

JSON = Path(".local", "bench-search.json")
_N_AT_A_TIME = 2
_MOST_TRIALS = 100_000  # whose records fit into memory


class Plan(NamedTuple):
    """What is run.

    Attributes
    ----------
    n_seeds : int
    seconds : float
        That a search may take.
    n_brief : int
        Trials of TPE without a pruner.
    n_random, n_auto : int
        Trials with each pruner.
    n_line_search, n_tpe : int
        Trials where the optimum is known.
    """

    n_seeds: int
    seconds: float
    n_brief: int
    n_random: int
    n_auto: int
    n_line_search: int
    n_tpe: int


FULL = Plan(5, report.SECONDS[-1], report.TRIALS[-1], 300, 100, 100, 300)
QUICK = Plan(2, 2.0, 20, 20, 5, 3, 12)


class Measured(NamedTuple):
    """What was found.

    Attributes
    ----------
    plan : Plan
    n_tuning_cases, n_test_cases : int
        Answerable ones.
    baseline : OnTestSites
        The current weights.
    found : Found
        Runs of each strategy.
    pruned : mapping of (strategy, pruner) to Run
    recovered : mapping of str to sequence of Recovered
        Runs of each problem with a known optimum.
    seconds : float
        That everything took.
    """

    plan: Plan
    n_tuning_cases: int
    n_test_cases: int
    baseline: OnTestSites
    found: Found
    pruned: Mapping[tuple[str, str], Run]
    recovered: Mapping[str, Sequence[Recovered]]
    seconds: float


class ClosedSites:
    """The test sites, opened.

    Parameters
    ----------
    config : Configuration
    """

    def __init__(self, config: Configuration) -> None:
        self._config = config
        workspace = Workspace(config)
        files = dataset_files(config.data.training_dir)
        every = workspace.load_cases(files, open_test_sites=True).cases
        closed = [case for case in every if case.site in config.split.test]
        self._bank = workspace.bank(closed).answerable()
        self._clusters = clusters_of(self._bank)
        self._answers: dict[tuple[float, ...], tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {}
        self.baseline = self.compare(real_weights(config.weights))

    @property
    def n_cases(self) -> int:
        """Answerable cases."""
        return len(self._bank.cases)

    def accuracy(self, weights: Mapping[str, float]) -> float:
        """Return accuracy@1 of real weights."""
        correct, _ = self._answered(weights)
        return accuracy_at_1(correct, self._bank.labels.answerable)

    def compare(self, weights: Mapping[str, float]) -> OnTestSites:
        """Hold real weights against the current ones, case by case."""
        correct, critical = self._answered(weights)
        before, _ = self._answered(real_weights(self._config.weights))
        gains = correct.astype(np.float64) - before
        gate = self._config.gate
        return OnTestSites(
            self.accuracy(weights),
            paired_interval(gains, self._clusters, gate, gate.confidence),
            count_critical(critical, self._bank.labels.answerable),
        )

    def _answered(
        self, weights: Mapping[str, float]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which answers are right, and in which ways each is dangerous."""
        key = tuple(weights.values())
        if key not in self._answers:
            winners = find_winners(self._bank, effective_coefficients(weights_of(weights)))
            self._answers[key] = winners.correct, winners.critical
        return self._answers[key]


def search_jobs(plan: Plan) -> list[Job]:
    """List every strategy with every seed, seed by seed.

    The grid is the same with every seed. TPE learns from all its trials, so it runs without a
    pruner as well, for fewer trials.
    """
    whole, brief = Budget(_MOST_TRIALS, plan.seconds), Budget(plan.n_brief, plan.seconds)
    jobs = []
    for seed in range(1, plan.n_seeds + 1):
        jobs += [
            Job(name, "bound", seed, whole, report.GATE_AFTER)
            for name in STRATEGIES
            if seed == 1 or name != "grid_search"
        ]
        jobs.append(Job("tpe", "none", seed, brief, report.GATE_AFTER))
    return jobs


def pruner_jobs(plan: Plan) -> list[Job]:
    """List random search and auto with every pruner."""
    budgets = {
        name: Budget(n_trials, plan.seconds)
        for name, n_trials in (("random_search", plan.n_random), ("auto", plan.n_auto))
    }
    return [
        Job(strategy, pruner, 1, budget, report.GATE_AFTER)
        for strategy, budget in budgets.items()
        for pruner in PRUNERS
    ]


def run_jobs(jobs: Sequence[Job]) -> Iterable[tuple[Job, Run]]:
    """Run searches, each in a process of its own."""
    arguments = [("-m", "benchmarks.search_worker", job.written()) for job in jobs]
    for job, printed in zip(jobs, run_some_at_a_time(arguments, _N_AT_A_TIME), strict=True):
        run = Run.read(printed)
        last = run.steps[-1]
        _say(
            f"{job.name}, {job.pruner}, seed {job.seed}: {last.value:.3%} after {last.n_trials} "
            f"of {run.searched.n_trials} trials ({run.searched.stop_reason}); "
            f"gate: {run.gated.verdict}"
        )
        yield job, run


def run_known_optima(plan: Plan) -> dict[str, list[Recovered]]:
    """Search the problems whose best weights are known."""
    jobs = [(problem, seed) for seed in range(1, plan.n_seeds + 1) for problem in PROBLEMS]
    budgets = (str(plan.n_line_search), str(plan.n_tpe))
    arguments = [
        ("-m", "benchmarks.known_optimum", problem, str(seed), *budgets) for problem, seed in jobs
    ]
    recovered: dict[str, list[Recovered]] = {problem: [] for problem in PROBLEMS}
    for printed in run_some_at_a_time(arguments, _N_AT_A_TIME):
        _say(str(printed))
        found = Recovered(printed["known"], printed["line_search"], printed["tpe"])
        recovered[printed["problem"]].append(found)
    return recovered


def on_test_sites(run: Run, sites: ClosedSites) -> Compared:
    """Measure what a run found on the test sites."""
    return Compared(
        run,
        {
            moment.label: sites.accuracy(moment.step_of(run.steps).weights)
            for moment in report.moments()
        },
        sites.compare(run.gated.weights),
    )


def main() -> None:
    """Run everything; write the section of the page, the picture and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few trials each; nothing is kept")
    is_quick = parser.parse_args().quick
    plan = QUICK if is_quick else FULL
    started = time.monotonic()
    config = load_configuration()
    material = load_material(config, [], None)  # so that every worker finds the bank
    sites = ClosedSites(config)
    found: Found = {}
    for job, run in run_jobs(search_jobs(plan)):
        found.setdefault(job.name, []).append(on_test_sites(run, sites))
    measured = Measured(
        plan,
        n_tuning_cases=int(material.tuning.labels.answerable.sum()),
        n_test_cases=sites.n_cases,
        baseline=sites.baseline,
        found=found,
        pruned={(job.strategy, job.pruner): run for job, run in run_jobs(pruner_jobs(plan))},
        recovered=run_known_optima(plan),
        seconds=time.monotonic() - started,
    )
    targets = report.targets(found, measured.recovered)
    text = page(measured, table(targets))
    print(text)
    if is_quick:
        return
    keep([*targets, *report.untargeted(found)], JSON)
    write_section("bench-search", text)
    draw_search({name: [one.run.steps for one in runs] for name, runs in found.items()})


def page(measured: Measured, targets: str) -> str:
    """Write the section of the page."""
    plan, found, baseline = measured.plan, measured.found, measured.baseline
    value = found["auto"][0].run.steps[0].value
    return "\n\n".join(
        [
            f"{plan.n_seeds} seeds, {measured.n_tuning_cases:,} answerable cases of the tuning "
            f"sites, {measured.n_test_cases:,} of the test sites; {_N_AT_A_TIME} runs at a time, "
            f"each a process with one thread, for at most {plan.seconds:g} s or {_MOST_TRIALS:,} "
            f"trials; {measured.seconds / 60:.0f} minutes in all. With "
            f"the weights of `config.yaml` the value is {value:.2%}, accuracy@1 on the test sites "
            f"{baseline.accuracy:.2%}.",
            targets,
            "### Best value, %: median (range)",
            report.values_table(found),
            "### accuracy@1 on the test sites, %: median (range)",
            report.accuracies_table(found),
            f"### The gate, shown the best after {report.GATE_AFTER} trials",
            report.gate_table(found, baseline),
            "### Critical errors on the test sites",
            report.critical_table(found, baseline),
            "### Pruners, one seed",
            report.pruner_table(measured.pruned),
            f"### Known optima: {plan.n_line_search} trials of line search, {plan.n_tpe} of TPE",
            report.recovered_table(measured.recovered),
        ]
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
