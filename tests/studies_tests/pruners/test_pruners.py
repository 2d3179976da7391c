from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState

from objectives.configuration import PrunerSettings
from objectives.objective import WeightObjective
from studies.pruners import PRUNERS, pruner_named
from studies.pruners.from_optuna import Wilcoxon
from studies.samplers import STRATEGIES
from studies.samplers.cmaes import _rank
from studies.storage.database import quiet_optuna
from studies.storage.trial_records import is_feasible, weights_of_record
from studies.trial import Trial
from support.errors import ConfigurationError
from tests.studies_tests.test_coordinator import SITES, Interrupter, Setup, all_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optuna.trial import FrozenTrial

    from objectives.configuration import Configuration
    from studies.coordinator import Coordinator
    from tests.conftest import MakeBank

N_TRIALS = 40
N_CASES = 100


@pytest.fixture
def setup(tmp_path: Path, config: Configuration, make_bank: MakeBank) -> Iterator[Setup]:
    with quiet_optuna(), closing(Setup(tmp_path, config, make_bank, N_CASES)) as setup:
        yield setup


def ran(setup: Setup, name: str, strategy: str, pruner: str, n_trials: int) -> Coordinator:
    return setup.run(n_trials, name, strategy=strategy, pruner=pruner).coordinator


def pruned(coordinator: Coordinator) -> list[FrozenTrial]:
    return [record for record in coordinator.records if record.state is TrialState.PRUNED]


def may_stop(pruner: str, coordinator: Coordinator, strategy: str) -> bool:
    """Tell whether a pruner stops any trial: the bound spares those that teach their strategy."""
    afresh = STRATEGIES[strategy](coordinator.problem)
    proposed = afresh.proposals(coordinator._history[:1], range(1, 2))[0]
    return pruner != "none" and not (pruner == "bound" and proposed.teaches)


@pytest.mark.parametrize(
    ("strategy", "pruner", "n_first", "n_trials"),
    [
        *itertools.product(["cmaes", "random_search", "tpe"], sorted(PRUNERS), [23], [40]),
        # within a later batch, whose floor is not the best value so far
        ("cmaes", "bound", 100, 140),
        ("random_search", "bound", 100, 140),
    ],
)
def test_an_interrupted_study_goes_on_as_if_it_had_not_been(
    strategy: str, pruner: str, n_first: int, n_trials: int, setup: Setup
) -> None:
    whole = ran(setup, "whole", strategy, pruner, n_trials)
    with pytest.raises(KeyboardInterrupt):
        setup.run(n_trials, "pieces", Interrupter(n_first), strategy=strategy, pruner=pruner)
    assert len(setup.stored("pieces")) == n_first
    again = ran(setup, "pieces", strategy, pruner, n_trials)
    assert [all_of(r) for r in again.records] == [all_of(r) for r in whole.records]
    assert bool(pruned(whole)) == may_stop(pruner, whole, strategy)


def is_slow(strategy: str, pruner: str) -> bool:
    """Tell what takes seconds; the bound stands for the other pruners in the quick tests."""
    return strategy in ("auto", "line_search") and pruner != "bound"


@pytest.mark.parametrize(
    ("strategy", "pruner"),
    [
        pytest.param(*both, marks=[pytest.mark.slow] if is_slow(*both) else [])
        for both in itertools.product(sorted(STRATEGIES), sorted(set(PRUNERS) - {"none"}))
    ],
)
def test_what_is_pruned_has_scored_fewer_cases_and_keeps_its_rungs(
    strategy: str, pruner: str, setup: Setup
) -> None:
    coordinator = ran(setup, "study", strategy, pruner, N_TRIALS)
    assert coordinator.records[0].state is TrialState.COMPLETE
    assert bool(pruned(coordinator)) == may_stop(pruner, coordinator, strategy)
    for record in pruned(coordinator):
        last = max(record.intermediate_values)
        assert record.user_attrs["n_cases_scored"] == N_CASES * last // 20
        assert record.value == record.intermediate_values[last]
        assert sorted(record.intermediate_values) == list(range(1, last + 1))
        assert not record.constraints
    n_full = N_CASES * (N_TRIALS - len(pruned(coordinator)))
    assert coordinator.n_cases_scored == n_full + sum(
        record.user_attrs["n_cases_scored"] for record in pruned(coordinator)
    )
    has_parts = {"part_values" in record.user_attrs for record in coordinator.records}
    assert has_parts == {pruner == "wilcoxon"}


@pytest.mark.parametrize("strategy", ["grid_search", "qmc", "random_search"])
@pytest.mark.parametrize("seed", range(6))
def test_the_bound_ends_with_the_same_best_trial_and_scores_fewer_cases(
    seed: int, strategy: str, setup: Setup, make_bank: MakeBank
) -> None:
    setup.objective = WeightObjective(
        make_bank(110 + 70 * seed, SITES, seed),
        make_bank(20, ("SANITY",), seed=seed + 100),
        setup.config.objective.cut(11 + 3 * seed),
    )
    bound = ran(setup, "bound", strategy, "bound", 150)
    none = ran(setup, "none", strategy, "none", 150)
    assert not pruned(none)
    assert bound.best() == none.best()
    best = bound.best().number
    assert all_of(bound.records[best]) == all_of(none.records[best])
    assert bound.n_cases_scored < none.n_cases_scored
    completed = {r.number: r.value for r in bound.records if r.state is TrialState.COMPLETE}
    assert completed == {number: none.records[number].value for number in completed}


def test_one_after_the_other_the_bound_rises_with_every_trial(setup: Setup) -> None:
    """A trial is stopped by the best before it, and never one that ends above."""
    coordinator = ran(setup, "study", "line_search", "bound", 30)
    assert pruned(coordinator)
    for record in pruned(coordinator):
        before = max(
            r.value or 0.0
            for r in coordinator.records[: record.number]
            if r.state is TrialState.COMPLETE and is_feasible(r)
        )
        assert setup.objective.evaluate(weights_of_record(record)).value < before


@pytest.mark.parametrize(
    ("pruner", "n_rungs"), [("none", 1), ("bound", 8), ("median", 20), ("wilcoxon", 20)]
)
def test_a_pruner_takes_no_more_rungs_than_it_can_use(
    pruner: str, n_rungs: int, setup: Setup
) -> None:
    settings = setup.config.study.pruners
    assert PRUNERS[pruner](settings, 20, 1).n_rungs == n_rungs
    assert PRUNERS["bound"](settings, 5, 1).n_rungs == 5


@pytest.mark.parametrize(
    ("pruner", "key", "value"),
    [
        ("median", "n_startup_trials", 30),
        ("median", "n_min_trials", 25),
        ("successive_halving", "reduction_factor", 2),
        ("hyperband", "reduction_factor", 2),
        ("wilcoxon", "p_threshold", 0.001),
    ],
)
def test_every_setting_of_a_pruner_changes_what_is_stopped(
    pruner: str, key: str, value: float, setup: Setup
) -> None:
    before = ran(setup, "before", "random_search", pruner, N_TRIALS)
    settings = setup.config.study.pruners.model_dump()
    settings[pruner][key] = value
    study = setup.config.study.model_copy(
        update={"pruners": PrunerSettings.model_validate(settings)}
    )
    setup.config = setup.config.model_copy(update={"study": study})
    after = ran(setup, "after", "random_search", pruner, N_TRIALS)
    assert [r.params for r in after.records] == [r.params for r in before.records]
    assert [len(r.intermediate_values) for r in after.records] != [
        len(r.intermediate_values) for r in before.records
    ]


def test_the_test_of_wilcoxon_waits_for_fourteen_parts(setup: Setup) -> None:
    coordinator = ran(setup, "study", "random_search", "wilcoxon", N_TRIALS)
    assert min(len(record.intermediate_values) for record in pruned(coordinator)) >= 14
    with pytest.raises(
        ConfigurationError, match=r"objective\.n_rungs: .* got 14; give 15 or more"
    ):
        PRUNERS["wilcoxon"](setup.config.study.pruners, 14, 1)


def test_an_infeasible_trial_is_no_rival_to_compare_with(setup: Setup) -> None:
    coordinator = setup.run(
        N_TRIALS, strategy="random_search", pruner="wilcoxon", seed=5
    ).coordinator
    complete = [r.value or 0.0 for r in coordinator.records if r.state is TrialState.COMPLETE]
    assert max(complete) > coordinator.best().value
    assert isinstance(coordinator._pruner, Wilcoxon)
    in_memory = coordinator._pruner._study
    assert in_memory.best_trial.number == coordinator.best().number
    assert [trial.state for trial in in_memory.trials] == [r.state for r in coordinator.records]


def test_cma_es_ranks_a_pruned_trial_below_every_feasible_one(setup: Setup) -> None:
    """By what it had so far: a generation moves towards the less bad of those that were."""
    ranks = [
        _rank(
            Trial(
                setup.config.weights,
                {},
                "",
                state=state,
                value=value,
                constraints={"side": above},
            )
        )
        for state, value, above in (
            (TrialState.COMPLETE, 0.9, 0.0),
            (TrialState.COMPLETE, 0.0, -1.0),
            (TrialState.COMPLETE, 0.995, 1.0),
            (TrialState.PRUNED, 0.99, 0.0),
            (TrialState.PRUNED, 0.4, 0.0),
            (TrialState.FAIL, None, 0.0),
        )
    ]
    assert ranks == sorted(set(ranks), reverse=True)
    coordinator = ran(setup, "study", "cmaes", "bound", 30)
    assert [trial.value for trial in coordinator._history] == [
        r.value for r in coordinator.records
    ]


def test_an_unknown_pruner_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        pruner_named("magic")
    assert str(caught.value) == (f"pruner: 'magic' is unknown; there are {', '.join(PRUNERS)}")
