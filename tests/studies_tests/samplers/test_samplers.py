from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna
import pytest

from objectives.objective import WeightObjective
from objectives.search_space import BOX_NAMES, SearchSpace
from studies.samplers import STRATEGIES, Problem, Strategy
from studies.samplers.auto import Auto
from studies.samplers.line_search import LineSearch
from studies.samplers.tpe import TPE
from studies.storage.trial_records import coordinate_distributions
from studies.trial import BASELINE

if TYPE_CHECKING:
    from objectives.configuration import Configuration
    from objectives.objective import Rung
    from studies.trial import Trial
    from tests.conftest import MakeBank

RANGES = {"exact_match_bonus": (0.2, 0.2), "anatomy_weight": (0.2, 0.4)}
SITES = ("A", "B", "C")
MORE = (("line_search", 4), ("auto", 3), ("auto", 4))
N_CASES = 100  # a line search takes as long as there are many


@pytest.fixture
def problem(config: Configuration, make_bank: MakeBank) -> Problem:
    objective = WeightObjective(
        make_bank(N_CASES, SITES), make_bank(20, ("SANITY",), seed=1), config.objective
    )
    return Problem(config.weights, SearchSpace(config.study.bounds), objective, {}, seed=3)


class Study:
    """Runs a strategy as a study does, without a database."""

    def __init__(self, problem: Problem, strategy: Strategy, *, is_bounded: bool = False) -> None:
        self.problem = problem
        self.is_bounded = is_bounded
        self.strategy = strategy
        self.history: list[Trial] = []
        self.add(problem.proposal(problem.current, BASELINE))

    def add(self, trial: Trial) -> None:
        best = self.best

        def stops(rung: Rung) -> bool:
            return self.is_bounded and not trial.teaches and rung.most < best

        ended = trial.valued(self.problem.objective.evaluate(trial.weights, stops))
        ended = ended._replace(number=len(self.history))
        found = ended.valuation and ended.valuation.critical_by_kind
        if found is None:
            self.history.append(ended._replace(rungs={1: ended.value or 0.0}))
            return
        if not self.history:
            self.allowed = found
        above = {kind: float(found[kind] - self.allowed[kind]) for kind in found}
        self.history.append(ended._replace(constraints=above))

    def run(self, n_trials: int) -> None:
        while len(self.history) < n_trials and self.strategy.ended(self.history) is None:
            numbers = range(len(self.history), n_trials)
            for proposal in self.strategy.proposals(self.history, numbers):
                self.add(proposal)

    @property
    def best(self) -> float:
        return max((tried.feasible_value or 0.0 for tried in self.history), default=0.0)


def test_tpe_goes_where_optuna_alone_would(problem: Problem, config: Configuration) -> None:
    space = SearchSpace(config.study.bounds, RANGES)
    study = Study(problem._replace(space=space), TPE(problem._replace(space=space)))
    box = coordinate_distributions(space)
    alone = optuna.create_study(direction="maximize")

    def tell_alone(tried: Trial) -> None:
        alone.add_trial(
            optuna.trial.create_trial(
                value=tried.value,
                params=dict(tried.point),
                distributions=box,
                constraints=dict(tried.constraints),
            )
        )

    tell_alone(study.history[0])
    for number in range(1, 25):
        study.run(number + 1)
        alone.sampler = optuna.samplers.TPESampler(seed=study.strategy.trial_seed(number))
        trial = alone.ask(box)
        assert trial.params == study.history[-1].point
        found = study.history[-1]
        for name, above in found.constraints.items():
            trial.set_constraint(name, above)
        alone.tell(trial, found.value)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_proposals_stay_in_the_space_and_say_where_they_come_from(
    name: str, problem: Problem, config: Configuration
) -> None:
    grid = {str(key): values for key, values in config.study.grid.items()}
    problem = problem._replace(grid=grid)
    strategy = STRATEGIES[name](problem)
    study = Study(problem, strategy)
    study.run(20)
    assert len(study.history) == 20
    for tried in study.history[1:]:
        assert tried.weights == problem.space.nearest(tried.weights)
        assert problem.space.decode(tried.point) == tried.weights
        known = ("line_search", "tpe") if name == "auto" else (name,)
        assert tried.origin.startswith(known)


def test_qmc_fills_the_box_more_evenly_than_chance(problem: Problem) -> None:
    """Every half of every axis holds as many of the first points as the other half."""
    space = problem.space
    study = Study(problem, STRATEGIES["qmc"](problem))
    study.run(65)
    low = np.array([axis.low for axis in space.coordinates])
    width = np.array([axis.high - axis.low for axis in space.coordinates])
    points = np.array([[*tried.point.values()] for tried in study.history[1:]])
    assert np.all(np.sum((points - low) / width < 0.5, axis=0) == 32)


def test_a_step_of_the_line_search_is_better_and_no_more_dangerous(problem: Problem) -> None:
    study = Study(problem, LineSearch(problem))
    study.run(30)
    here = study.history[0].feasible_value
    assert here is not None
    for tried in study.history[1:]:
        if tried.origin == LineSearch.restart:
            here = tried.feasible_value or 0.0
            continue
        assert tried.feasible_value is not None
        assert tried.feasible_value > here
        here = tried.feasible_value
    assert any(tried.origin == LineSearch.restart for tried in study.history)


@pytest.mark.slow
def test_no_line_leads_up_where_the_line_search_starts_again(
    problem: Problem, config: Configuration
) -> None:
    """Along every bonus and penalty alone, tried densely."""
    study = Study(problem, LineSearch(problem))
    study.run(30)
    last = [
        before
        for before, after in zip(study.history, study.history[1:], strict=False)
        if after.origin == LineSearch.restart and before.origin != LineSearch.restart
    ]
    assert last
    for tried in last[:3]:
        for name in BOX_NAMES:
            low, high = config.study.bounds[name]
            for value in np.linspace(low, high, 31).round(4).tolist():
                study.add(
                    problem.proposal(tried.weights.model_copy(update={name: value}), "by hand")
                )
                by_hand = study.history.pop()
                # a place beside a crossing, nearer than a step of the grid, may be one case better
                assert (by_hand.feasible_value or 0.0) <= (
                    tried.feasible_value or 0.0
                ) + 1.01 / N_CASES


@pytest.mark.slow
def test_auto_climbs_then_asks_tpe_then_starts_again(problem: Problem) -> None:
    study = Study(problem, Auto(problem))
    study.run(60)
    kinds = [tried.origin.split(":")[0] for tried in study.history[1:]]
    assert kinds[0] == "line_search"
    first_tpe = kinds.index("tpe")
    assert kinds[first_tpe : first_tpe + 3] == ["tpe"] * 3
    assert study.history[first_tpe + 4].origin == LineSearch.restart


@pytest.mark.slow
def test_auto_ends_when_neither_gains(problem: Problem) -> None:
    study = Study(problem, Auto(problem))
    study.run(1000)
    assert len(study.history) < 1000
    reason = study.strategy.ended(study.history)
    assert reason == "neither line search nor TPE gained in 7 rounds"
    best = [tried.feasible_value or 0.0 for tried in study.history].index(study.best)
    restarts = [tried.origin == LineSearch.restart for tried in study.history[best:]]
    assert sum(restarts) == 6


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("line_search", 3),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in MORE),
    ],
)
def test_trials_that_are_stopped_early_lead_the_line_search_nowhere_else(
    name: str, seed: int, problem: Problem
) -> None:
    """What a pruned trial would have been worth is scored again where the search stands on it."""
    problem = problem._replace(seed=seed)
    whole = Study(problem, STRATEGIES[name](problem))
    bounded = Study(problem, STRATEGIES[name](problem), is_bounded=True)
    for study in (whole, bounded):
        study.run(40)
    assert any(tried.complete_value is None for tried in bounded.history)
    if name == "line_search":  # auto asks TPE, which learns from the steps that were stopped
        assert bounded.best == whole.best
        assert [t.weights for t in whole.history] == [t.weights for t in bounded.history]


@pytest.mark.parametrize("name", ["auto", "line_search"])
def test_better_than_random_draws_with_the_same_number_of_trials(
    name: str, problem: Problem
) -> None:
    ours, random = (Study(problem, STRATEGIES[one](problem)) for one in (name, "random_search"))
    for study in (ours, random):
        study.run(30)
    assert ours.best > random.best
