from __future__ import annotations

from contextlib import closing, contextmanager
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from packaging.specifiers import SpecifierSet
from sqlalchemy.exc import OperationalError

from engine.ranking.weights import Weights
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.objective import RungReport, Valuation, WeightObjective
from objectives.search_space import WEIGHT_NAMES, SearchSpace, real_weights
from studies.coordinator import CANCELLED, STOPPED, Coordinator
from studies.progress import NullProgress
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES
from studies.samplers.base import Problem
from studies.search import create
from studies.stopping import Stopper, StoppingRules
from studies.storage import study_queue
from studies.storage.database import open_storage, quiet_optuna
from studies.storage.ownership import Ownership, Standing, Summary
from studies.storage.trial_records import CRITICAL_CONSTRAINTS, is_feasible
from studies.warm_start import NO_WARM_START, WarmStart
from support.errors import InputFileError, StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from optuna.storages import RDBStorage

    from objectives.configuration import Configuration
    from studies.progress import Progress
    from tests.conftest import MakeBank

NO_RULES = StoppingRules(None, None, None)
SITES = ("A", "B", "C")


class Ran(NamedTuple):
    """A run that has ended, and why."""

    coordinator: Coordinator
    reason: str

    @property
    def records(self) -> list[FrozenTrial]:
        return self.coordinator.records

    @property
    def essences(self) -> list[tuple[object, ...]]:
        return [essence(record) for record in self.records]


class Setup:
    """Studies on a made-up bank, kept in a SQLite file."""

    def __init__(
        self, folder: Path, config: Configuration, make_bank: MakeBank, n_cases: int = 300
    ) -> None:
        self.url = f"sqlite:///{folder / 'studies.db'}"
        self.config = config
        self.objective = WeightObjective(
            make_bank(n_cases, SITES), make_bank(20, ("SANITY",), seed=1), config.objective
        )

    @cached_property
    def storage(self) -> RDBStorage:
        """The database, opened once: that takes longer than most studies."""
        return open_storage(self.url)

    def close(self) -> None:
        self.storage.engine.dispose()

    def problem(self, seed: int = 1, objective: WeightObjective | None = None) -> Problem:
        return Problem(
            self.config.weights,
            SearchSpace(self.config.study.bounds),
            objective or self.objective,
            {str(key): values for key, values in self.config.study.grid.items()},
            seed,
        )

    @contextmanager
    def coordinating(
        self,
        name: str = "study",
        strategy: str = "tpe",
        seed: int = 1,
        objective: WeightObjective | None = None,
        pruner: str = "bound",
        warm_start: WarmStart = NO_WARM_START,
        n_trials: int = 20,
    ) -> Iterator[Coordinator]:
        """Own a study, as a process of its own."""
        study = create(name, self.storage)
        study_queue.offer(self.storage, name, n_trials)
        planned = STRATEGIES[strategy](self.problem(seed, objective))
        judge = PRUNERS[pruner](self.config.study.pruners, self.config.objective.n_rungs, seed)
        with Ownership(self.storage, study) as ownership:
            yield Coordinator(ownership, planned, judge, warm_start)

    def run(
        self,
        n_trials: int,
        name: str = "study",
        progress: Progress | None = None,
        rules: StoppingRules = NO_RULES,
        is_stopped: Callable[[], bool] = lambda: False,
        **more: Any,
    ) -> Ran:
        """Run a study, or go on with it."""
        with self.coordinating(name, n_trials=n_trials, **more) as coordinator:
            reason = coordinator.run(Stopper(rules), progress or NullProgress(), is_stopped)
        return Ran(coordinator, reason)

    def study(self, name: str = "study") -> optuna.Study:
        """Load a study, with no cache between."""
        return optuna.load_study(study_name=name, storage=self.storage)

    def stored(self, name: str = "study") -> list[FrozenTrial]:
        return self.study(name).trials

    def cancel(self, name: str = "study") -> None:
        study_queue.cancel(self.storage, name)


@pytest.fixture
def setup(tmp_path: Path, config: Configuration, make_bank: MakeBank) -> Iterator[Setup]:
    with quiet_optuna(), closing(Setup(tmp_path, config, make_bank, n_cases=100)) as setup:
        yield setup


class Listener(NullProgress):
    """Keeps what is said, and acts after some trials."""

    def __init__(self, n_trials: int = 0, act: Callable[[], object] = lambda: None) -> None:
        self.lines: list[str] = []
        self._n_trials, self._act = n_trials, act

    def act(self, n_trials: int, act: Callable[[], object]) -> None:
        self._n_trials, self._act = n_trials, act

    def say(self, line: str) -> None:
        self.lines.append(line)

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        if n_done == self._n_trials:
            self._act()


class Interrupter(Listener):
    """Presses Ctrl-C after some trials."""

    def __init__(self, n_trials: int) -> None:
        super().__init__(n_trials, self._press)

    @staticmethod
    def _press() -> None:
        raise KeyboardInterrupt


class Clock:
    """A clock that moves by so much with every trial; stands in for the module ``time``."""

    def __init__(self, step: float, setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        one, many = setup.objective.evaluate, setup.objective.evaluate_many

        def evaluate(*given: Any) -> Any:
            self.now += step
            return one(*given)

        def evaluate_many(weights: Sequence[Weights], *given: Any) -> Any:
            self.now += step * len(weights)
            return many(weights, *given)

        monkeypatch.setattr(setup.objective, "evaluate", evaluate)
        monkeypatch.setattr(setup.objective, "evaluate_many", evaluate_many)
        monkeypatch.setattr("studies.coordinator.time", self)

    def monotonic(self) -> float:
        return self.now


class Writes:
    """Listens to what a study writes, and can make it fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n_trials: list[int] = []  # there after each write
        self.fail: Callable[[], None] = lambda: None
        write = Ownership.write

        def listen(
            ownership: Ownership, trials: Sequence[FrozenTrial], first: int, summary: Summary
        ) -> Standing:
            self.fail()
            self.n_trials.append(first + len(trials))
            return write(ownership, trials, first, summary)

        monkeypatch.setattr(Ownership, "write", listen)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    return Writes(monkeypatch)


def essence(record: FrozenTrial) -> tuple[object, ...]:
    return (record.state, record.value, record.params, record.intermediate_values)


def all_of(record: FrozenTrial) -> tuple[object, ...]:
    return (*essence(record), record.user_attrs, record.constraints)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_disturbed_study_is_that_of_an_undisturbed_one(
    strategy: str, setup: Setup, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted, then killed between two writes, then cancelled and offered again."""
    whole = setup.run(24, "whole", strategy=strategy)
    with pytest.raises(KeyboardInterrupt):
        setup.run(24, "pieces", Interrupter(5), strategy=strategy)
    assert len(setup.stored("pieces")) == 5
    Clock(0.1, setup, monkeypatch)
    writes.n_trials.clear()

    def die() -> None:
        if writes.n_trials and writes.n_trials[-1] > 5:
            raise OperationalError("killed", {}, Exception())

    writes.fail = die
    with pytest.raises(OperationalError):
        setup.run(24, "pieces", strategy=strategy)
    writes.fail = lambda: None
    n_left = len(setup.stored("pieces"))
    assert 5 < n_left < 24
    cancelling = Listener(n_left + 1, lambda: setup.cancel("pieces"))
    assert setup.run(24, "pieces", cancelling, strategy=strategy).reason == CANCELLED
    again = setup.run(24, "pieces", strategy=strategy)
    assert again.essences == whole.essences
    assert again.coordinator.best() == whole.coordinator.best()
    assert [essence(record) for record in setup.stored("pieces")] == whole.essences
    assert [record.number for record in setup.stored("pieces")] == list(range(24))


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_the_budget_is_what_runs_and_trial_0_is_the_current_weights(
    strategy: str, setup: Setup
) -> None:
    ran = setup.run(15, strategy=strategy)
    assert ran.reason == "all 15 trials done"
    assert len(ran.records) == 15
    assert ran.records[0].params == real_weights(setup.config.weights)
    value = setup.objective.evaluate(setup.config.weights).value
    assert ran.coordinator.current.value == value
    assert len(setup.run(15, strategy=strategy).records) == 15


@pytest.mark.parametrize(
    ("strategy", "step", "n_at_most"),
    [
        ("tpe", 0.4, 2),
        ("tpe", 2.0, 1),
        ("tpe", 0.1, 10),
        ("random_search", 0.01, 100),  # many at once
        ("random_search", 0.4, 2),
    ],
)
def test_what_has_run_is_written_once_a_second_and_all_of_it_at_the_end(
    strategy: str,
    step: float,
    n_at_most: int,
    setup: Setup,
    writes: Writes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Clock(step, setup, monkeypatch)
    n_trials = 5 * n_at_most
    setup.run(n_trials, strategy=strategy, pruner="none")
    steps = [after - before for before, after in pairwise(writes.n_trials)]
    assert max(steps) <= n_at_most
    assert sum(step > 0 for step in steps) <= 14  # and not for every trial
    assert writes.n_trials[-1] == n_trials == len(setup.stored())


def test_trials_are_placed_together_a_few_more_each_time(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current weights are tried in no time, what a strategy has to place is not."""
    many, sizes = setup.objective.evaluate_many, [1]

    def listen(weights: Sequence[Weights], *given: Any) -> Any:
        sizes.append(len(weights))
        return many(weights, *given)

    monkeypatch.setattr(setup.objective, "evaluate_many", listen)
    setup.run(60, strategy="random_search")
    assert sum(sizes) == 60
    assert max(sizes) > 8
    assert all(later <= 8 * earlier for earlier, later in pairwise(sizes))


@pytest.mark.parametrize(
    ("strategy", "untested", "value"),
    [
        ("cmaes", "TESTED_VERSIONS", SpecifierSet("<1")),
        ("random_search", "_TESTED_SCHEMA", 11),
    ],
)
def test_with_an_optuna_that_was_not_tested_a_study_is_the_same(
    strategy: str,
    untested: str,
    value: object,
    setup: Setup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_bulk, one_by_one = Listener(), Listener()
    setup.run(20, "bulk", in_bulk, strategy=strategy)
    monkeypatch.setattr(f"studies.storage.trial_writer.{untested}", value)
    monkeypatch.setattr("studies.storage.optuna_tables.insert_trials", None)
    with pytest.raises(KeyboardInterrupt):
        setup.run(20, "pieces", Interrupter(11), strategy=strategy)
    setup.run(20, "pieces", one_by_one, strategy=strategy)
    bulk, pieces = setup.stored("bulk"), setup.stored("pieces")
    assert [all_of(record) for record in pieces] == [all_of(record) for record in bulk]
    assert [record.number for record in pieces] == list(range(20))
    assert in_bulk.lines == []
    (said,) = one_by_one.lines
    assert said == (
        "this version of Optuna was not tested: trials are written one by one, which is slower"
    )


def test_a_budget_that_is_raised_at_the_very_end_counts(setup: Setup) -> None:
    def raise_it() -> None:
        study_queue.offer(setup.storage, "study", 12)

    ran = setup.run(8, progress=Listener(8, raise_it), strategy="random_search")
    assert (ran.reason, len(ran.records)) == ("all 12 trials done", 12)
    assert [essence(one) for one in setup.stored()] == setup.run(
        12, "alone", strategy="random_search"
    ).essences


def test_who_is_stopped_writes_what_has_run(setup: Setup) -> None:
    asked: list[bool] = []
    listener = Listener(7, lambda: asked.append(True))
    ran = setup.run(50, progress=listener, is_stopped=lambda: bool(asked))
    assert ran.reason == STOPPED
    assert len(setup.stored()) == 7
    assert setup.study().user_attrs["stop_reason"] == STOPPED


def test_a_cancelled_study_stops_within_a_second_and_keeps_its_trials(
    setup: Setup, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(0.1, setup, monkeypatch)
    ran = setup.run(500, progress=Listener(5, setup.cancel))
    assert ran.reason == CANCELLED
    assert len(setup.stored()) == writes.n_trials[-1] <= 16


def test_how_far_it_is_can_be_seen_while_it_runs(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(0.25, setup, monkeypatch)
    seen: list[study_queue.StudyStatus] = []

    def look() -> None:
        seen.extend(study_queue.list_studies(setup.storage))

    ran = setup.run(40, progress=Listener(24, look))
    (one,) = seen
    assert one.run_by is not None
    assert 20 <= one.n_trials <= 24
    assert one.rate == pytest.approx(4.0)
    assert one.seconds_left == pytest.approx((40 - one.n_trials) / 4)
    values = [r.value or 0.0 for r in ran.records[: one.n_trials] if is_feasible(r)]
    assert (one.best, one.gain) == (max(values), max(values) - values[0])


def test_the_database_is_a_plain_optuna_study_of_real_weights(setup: Setup) -> None:
    setup.run(30)
    study = setup.study()
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
    ran = setup.run(5, objective=risky)
    assert ran.coordinator.best().number == 0
    assert [r.constraints[CRITICAL_CONSTRAINTS["side"]] for r in ran.records] == [0, 1, 1, 1, 1]
    assert ran.records[1].constraints[CRITICAL_CONSTRAINTS["contrast"]] == -3
    study = setup.study()
    assert study.best_trial.number == 0
    assert [is_feasible(trial) for trial in study.trials] == [True, False, False, False, False]
    assert setup.run(5, objective=risky).coordinator.best().number == 0


def test_a_bug_is_recorded_with_its_traceback_and_raised(setup: Setup) -> None:
    class Broken(WeightObjective):
        def evaluate(self, weights: Weights, report: RungReport | None = None) -> Valuation:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        setup.run(5, objective=Broken.__new__(Broken))
    (record,) = setup.stored()
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
    ran = setup.run(200, rules=rules, strategy="random_search")
    assert said in ran.reason
    assert len(ran.records) < 200
    whole = setup.run(len(ran.records), "whole", strategy="random_search")
    assert whole.essences == ran.essences
    assert setup.study().user_attrs["stop_reason"] == ran.reason


def test_a_small_budget_takes_an_even_subset_of_the_grid_and_says_so(setup: Setup) -> None:
    listener = Listener()
    ran = setup.run(11, progress=listener, strategy="grid_search")
    assert any("10 of 107 points" in line for line in listener.lines)
    anatomy = {r.params["anatomy_weight"] for r in ran.records[1:]}
    assert anatomy == {0.25, 0.30, 0.35, 0.40}


def test_a_grid_ends_when_every_point_is_tried_once(setup: Setup) -> None:
    setup.run(20, strategy="grid_search")
    again = setup.run(500, strategy="grid_search")
    assert again.reason == "every grid point tried"
    tried = [tuple(sorted(r.params.items())) for r in again.records]
    assert len(tried) == len(set(tried))
    assert len(tried) == 108  # the current weights stand on the grid themselves


def test_a_database_that_is_away_for_a_while_ends_no_study(setup: Setup, writes: Writes) -> None:
    errors = [lost_connection(), lost_connection()]

    def fail() -> None:
        if errors and writes.n_trials:
            raise errors.pop()

    writes.fail = fail
    said = Listener()
    assert setup.run(20, progress=said).reason == "all 20 trials done"
    assert said.lines == ["the database is away; waiting for it (at most ten minutes)"]
    assert len(setup.stored()) == 20


def lost_connection() -> OperationalError:
    return OperationalError("SELECT", {}, Exception("gone"), connection_invalidated=True)


def test_cma_es_keeps_nothing_but_trials_in_the_database(setup: Setup) -> None:
    ran = setup.run(61, strategy="cmaes")
    keys = {key for record in ran.records for key in (*record.user_attrs, *record.system_attrs)}
    assert not any("cma" in key for key in keys)
    values = [record.value or 0.0 for record in ran.records[1:]]
    half = len(values) // 2
    assert sum(values[half:]) > sum(values[:half])


def test_a_bug_of_the_fast_path_alone_is_not_swallowed(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(setup.objective, "evaluate_many", broken)
    with pytest.raises(ZeroDivisionError):
        setup.run(20, strategy="random_search")
    *others, last = setup.stored()
    assert last.state is not TrialState.FAIL or "ZeroDivisionError" in last.user_attrs["traceback"]
    assert len(others) >= 1


def test_what_is_wrong_with_the_data_is_no_trial(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, n_left = setup.objective.evaluate, iter(range(4))

    def gone(*given: Any) -> Any:
        if next(n_left, None) is None:
            raise InputFileError("the file is gone")
        return evaluate(*given)

    monkeypatch.setattr(setup.objective, "evaluate", gone)
    with pytest.raises(InputFileError, match="the file is gone"):
        setup.run(20)
    assert [record.state for record in setup.stored()] == [TrialState.COMPLETE] * 4


def test_trials_of_another_program_are_refused(setup: Setup) -> None:
    setup.run(3)
    setup.study().add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(StudyError, match="trial 3 is not one of this program's"):
        setup.run(5)
