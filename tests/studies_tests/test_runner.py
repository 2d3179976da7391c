from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import OperationalError

from engine.errors import StudyError
from engine.settings import Weights
from objectives.objective import RungReport, Valuation, WeightObjective
from objectives.search_space import WEIGHT_NAMES, SearchSpace, real_weights
from objectives.truth import CRITICAL_KINDS
from studies.ledger import Answer, Block, SearchState, offer
from studies.progress import Silence
from studies.pruners import PRUNERS
from studies.records import CRITICAL_CONSTRAINTS, is_feasible
from studies.runner import STOPPED, StudyRunner, make_runner
from studies.samplers import STRATEGIES
from studies.samplers.base import Problem, Turn
from studies.stopping import Stopper, StoppingRules
from studies.storage import open_storage
from studies.warm_start import NO_WARM_START, WarmStart
from studies.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from objectives.configuration import Configuration
    from studies.progress import Progress
    from tests.conftest import MakeBank

NO_RULES = StoppingRules(None, None, None)


def stopper(rules: StoppingRules = NO_RULES) -> Stopper:
    return Stopper(rules, time.monotonic())


SITES = ("A", "B", "C")


class Ran(NamedTuple):
    """A run that has ended, and why."""

    runner: StudyRunner
    reason: str | None

    @property
    def essences(self) -> list[tuple[object, ...]]:
        return [essence(record) for record in self.runner.records]


class Setup:
    """Studies on a made-up bank, kept in a SQLite file."""

    def __init__(
        self, folder: Path, config: Configuration, make_bank: MakeBank, n_cases: int = 300
    ) -> None:
        self.url = f"sqlite:///{folder / 'studies.db'}"
        self.workers: list[Worker] = []
        self.config = config
        self.objective = WeightObjective(
            make_bank(n_cases, SITES), make_bank(20, ("SANITY",), seed=1), config.objective
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()

    def problem(self, seed: int = 1, objective: WeightObjective | None = None) -> Problem:
        return Problem(
            self.config.weights,
            SearchSpace(self.config.study.bounds),
            objective or self.objective,
            {str(key): values for key, values in self.config.study.grid.items()},
            seed,
        )

    def runner(
        self,
        name: str = "study",
        strategy: str = "tpe",
        seed: int = 1,
        objective: WeightObjective | None = None,
        pruner: str = "bound",
        warm_start: WarmStart = NO_WARM_START,
        batch_size: int | None = None,
        n_trials: int = 20,
    ) -> StudyRunner:
        storage = open_storage(self.url)
        self.workers.append(worker := Worker(storage.engine))
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
        planned = STRATEGIES[strategy](self.problem(seed, objective))
        judge = PRUNERS[pruner](self.config.study.pruners, self.config.objective.n_rungs, seed)
        offer(storage, name, n_trials)
        return make_runner(
            storage, study, worker, planned, judge, warm_start=warm_start, batch_size=batch_size
        )

    def run(
        self,
        n_trials: int,
        name: str = "study",
        progress: Progress | None = None,
        rules: StoppingRules = NO_RULES,
        **more: Any,
    ) -> Ran:
        """Run a study, or go on with it, as a process of its own."""
        runner = self.runner(name, n_trials=n_trials, **more)
        return Ran(runner, runner.run(stopper(rules), progress or Silence()))


@pytest.fixture
def setup(tmp_path: Path, config: Configuration, make_bank: MakeBank) -> Iterator[Setup]:
    with Setup(tmp_path, config, make_bank) as setup:
        yield setup


def essence(record: FrozenTrial) -> tuple[object, ...]:
    return (record.state, record.value, record.params, record.intermediate_values)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_an_interrupted_study_goes_on_as_if_it_had_not_been(strategy: str, setup: Setup) -> None:
    whole = setup.run(24, "whole", strategy=strategy)
    with pytest.raises(KeyboardInterrupt):
        setup.run(24, "pieces", Interrupter(9), strategy=strategy)
    again = setup.run(24, "pieces", strategy=strategy)
    assert again.essences == whole.essences
    assert again.runner.best() == whole.runner.best()


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_the_budget_is_what_runs_and_trial_0_is_the_current_weights(
    strategy: str, setup: Setup
) -> None:
    runner, reason = setup.run(15, strategy=strategy)
    assert reason == "all 15 trials done"
    assert len(runner.records) == 15
    assert runner.records[0].params == real_weights(setup.config.weights)
    assert runner.current.value == setup.objective.evaluate(setup.config.weights).value
    assert len(setup.run(15, strategy=strategy).runner.records) == 15


def test_the_database_is_a_plain_optuna_study_of_real_weights(setup: Setup) -> None:
    setup.run(30)
    study = optuna.load_study(study_name="study", storage=setup.url)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    for trial in study.trials:
        assert sorted(trial.params) == sorted(WEIGHT_NAMES)
        slots = [
            trial.params[f"{slot}_weight"]
            for slot in ("anatomy", "modality", "laterality", "contrast", "technique")
        ]
        assert sum(slots) == pytest.approx(1.0)
        assert trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        assert trial.intermediate_values or trial.number == 0
        assert trial.datetime_start is not None
    importances = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
    )
    assert set(importances) <= set(WEIGHT_NAMES)


def test_a_trial_with_more_critical_errors_is_never_the_best(setup: Setup) -> None:
    """One wrong side more is not made good by fewer errors of all other kinds."""
    few, many = dict.fromkeys(CRITICAL_KINDS, 0), dict.fromkeys(CRITICAL_KINDS, 3)

    class Dangerous(WeightObjective):
        """Better than the current weights, but dangerous."""

        def evaluate(self, weights: Weights, report: RungReport | None = None) -> Valuation:
            if weights == setup.config.weights:
                return Valuation(0.5, {}, 0.5, 9, many, 1)
            return Valuation(0.9, {}, 0.5, 4, few | {"side": 4}, 1)

    risky = Dangerous.__new__(Dangerous)
    runner, _ = setup.run(5, objective=risky)
    assert runner.best().number == 0
    assert [r.constraints[CRITICAL_CONSTRAINTS["side"]] for r in runner.records] == [0, 1, 1, 1, 1]
    assert runner.records[1].constraints[CRITICAL_CONSTRAINTS["contrast"]] == -3
    study = optuna.load_study(study_name="study", storage=setup.url)
    assert study.best_trial.number == 0
    assert [is_feasible(trial) for trial in study.trials] == [True, False, False, False, False]
    assert setup.runner(objective=risky).best().number == 0


def test_a_bug_is_recorded_with_its_traceback_and_raised(setup: Setup) -> None:
    class Broken(WeightObjective):
        def evaluate(self, weights: Weights, report: RungReport | None = None) -> Valuation:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        setup.run(5, objective=Broken.__new__(Broken))
    (record,) = setup.runner().records
    assert record.state is TrialState.FAIL
    assert "ZeroDivisionError: a bug" in record.user_attrs["traceback"]
    with pytest.raises(StudyError, match="trial 0"):
        setup.run(5)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (StoppingRules(0.01, None, None), "reached 0.01"),
        (StoppingRules(None, 1e-9, None), "time limit"),
        (StoppingRules(None, None, 4), "4 trials without"),
    ],
)
def test_rules_end_a_study_sooner_and_say_why(
    rules: StoppingRules, said: str, setup: Setup
) -> None:
    setup.run(1, strategy="random_search")
    runner, reason = setup.run(200, rules=rules, strategy="random_search")
    assert reason
    assert said in reason
    assert len(runner.records) < 200
    study = optuna.load_study(study_name="study", storage=setup.url)
    assert study.user_attrs["stop_reason"] == reason


class Interrupter(Silence):
    """Presses Ctrl-C after some trials."""

    def __init__(self, n_trials: int) -> None:
        self._n_trials = n_trials

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        if n_done == self._n_trials:
            raise KeyboardInterrupt


class Listener(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_small_budget_takes_an_even_subset_of_the_grid_and_says_so(setup: Setup) -> None:
    listener = Listener()
    runner, _ = setup.run(11, progress=listener, strategy="grid_search")
    assert any("10 of 107 points" in line for line in listener.lines)
    anatomy = {r.params["anatomy_weight"] for r in runner.records[1:]}
    assert anatomy == {0.25, 0.30, 0.35, 0.40}


def test_a_grid_ends_when_every_point_is_tried_once(setup: Setup) -> None:
    setup.run(30, strategy="grid_search")
    again, reason = setup.run(500, strategy="grid_search")
    assert reason == "every grid point tried"
    tried = [tuple(sorted(r.params.items())) for r in again.records]
    assert len(tried) == len(set(tried))
    assert len(tried) == 108  # the current weights stand on the grid themselves


@pytest.mark.parametrize("strategy", ["random_search", "cmaes", "tpe"])
def test_a_study_that_another_process_has_moved_on_goes_on_from_there(
    strategy: str, setup: Setup
) -> None:
    """Both see every trial, none is there twice, and the end is that of a single process."""
    alone, _ = setup.run(20, "alone", strategy=strategy)
    first = setup.runner("shared", strategy, n_trials=8)
    second = setup.runner("shared", strategy, n_trials=8)
    first.run(stopper(), Silence())
    for n_trials, runner in ((14, second), (20, first)):
        offer(open_storage(setup.url), "shared", n_trials)
        runner.run(stopper(), Silence())
    for runner in (alone, first):
        assert [record.number for record in runner.records] == list(range(20))
    assert [essence(r) for r in first.records] == [essence(r) for r in alone.records]
    stored = setup.runner("shared", strategy).records
    assert [essence(r) for r in stored] == [essence(r) for r in first.records]


def test_blocks_grow_step_by_step(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current weights are tried in no time, what a strategy has to place is not."""
    runner = setup.runner(strategy="random_search", n_trials=60)
    visit, wanted = runner._ledger.visit, [1]

    def listen(blocks: Sequence[Block], n_wanted: int | None = None, **more: Any) -> Answer:
        wanted.append(n_wanted or wanted[-1])
        return visit(blocks, n_wanted, **more)

    monkeypatch.setattr(runner._ledger, "visit", listen)
    runner.run(stopper(), Silence())
    assert len(runner.records) == 60
    assert max(wanted) > 1
    assert all(later <= 8 * earlier for earlier, later in pairwise(wanted))


def test_whoever_leaves_does_not_wait_for_itself(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = setup.run(1).runner
    runner._blocks = [Block(1, 5, 0), Block(5, 9, 1, list(runner.records))]
    visits: list[dict[str, object]] = []
    monkeypatch.setattr(runner, "_visit", lambda **given: visits.append(given))
    runner._leave(STOPPED, Answer(SearchState.OPEN, 20, 1, 5, runner._blocks, is_lost=False))
    assert visits == [{}, {"leave": True, "end": STOPPED}]


def test_whoever_leaves_a_finished_study_does_not_change_why_it_ended(setup: Setup) -> None:
    late = setup.runner(n_trials=8)
    setup.run(8)
    late._ledger.visit([], leave=True, end=STOPPED)
    assert setup.runner(n_trials=8)._study.user_attrs["stop_reason"] == "all 8 trials done"


def test_a_connection_lost_while_trials_of_others_are_read_ends_no_worker(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = setup.runner(n_trials=20)
    setup.run(8)
    read, errors = runner._study.get_trials, [lost_connection(), lost_connection()]

    def read_later(*, deepcopy: bool) -> list[FrozenTrial]:
        if errors:
            raise errors.pop()
        return read(deepcopy=deepcopy)

    monkeypatch.setattr(runner._study, "get_trials", read_later)
    offer(open_storage(setup.url), "study", 20)
    said = Listener()
    assert runner.run(stopper(), said) == "all 20 trials done"
    assert any("the database is away" in line for line in said.lines)


def lost_connection() -> OperationalError:
    return OperationalError("SELECT", {}, Exception("gone"), connection_invalidated=True)


def test_cma_es_keeps_nothing_but_trials_in_the_database(setup: Setup) -> None:
    runner, _ = setup.run(61, strategy="cmaes")
    keys = {key for record in runner.records for key in (*record.user_attrs, *record.system_attrs)}
    assert not any("cma" in key for key in keys)
    values = [record.value or 0.0 for record in runner.records[1:]]
    half = len(values) // 2
    assert sum(values[half:]) > sum(values[:half])


def test_cma_es_begins_anew_when_history_has_become_shorter(setup: Setup) -> None:
    """Another process may have replaced trials that this one had not written yet."""
    runner, _ = setup.run(50, strategy="cmaes")
    history = runner._tried
    used, fresh = STRATEGIES["cmaes"](runner.problem), STRATEGIES["cmaes"](runner.problem)
    used.proposals(history, Turn(range(50, 150)))
    used.forget()
    turn = Turn(range(16, 116))
    assert used.proposals(history[:16], turn) == fresh.proposals(history[:16], turn)


def test_a_bug_of_the_fast_path_alone_is_not_swallowed(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(setup.objective, "evaluate_many", broken)
    with pytest.raises(ZeroDivisionError):
        setup.run(20, strategy="random_search")
