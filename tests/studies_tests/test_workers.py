"""Several workers of one study in one process: they take turns, in an order drawn by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from studies.directory import cancel
from studies.ledger import offer
from studies.pruners import PRUNERS
from studies.records import feasible_value, lane_of_record, origin_of_record, weights_of_record
from studies.runner import STOPPED, StudyRunner, make_runner
from studies.samplers import STRATEGIES
from studies.samplers.line_search import LineSearch
from studies.stopping import StoppingRules
from studies.storage import open_storage, quiet_optuna
from studies.warm_start import NO_WARM_START, WarmStart
from tests.studies_tests.crew import FakeWorker, Turns
from tests.studies_tests.test_runner import NO_RULES, Setup, essence, stopper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from optuna.trial import FrozenTrial

    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


class Progress:
    """Passes the turn on after each trial; says when it is enough, or dies."""

    def __init__(self, turns: Turns, n_trials: int | None = None, *, dies: bool = False) -> None:
        self._turns = turns
        self._n_left = n_trials
        self._dies = dies
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def cases(self, n_done: int, n_cases: int) -> None:
        pass

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        self._turns.switch()
        if self._n_left is not None:
            self._n_left -= 1
            if self._dies and self._n_left == 0:
                raise OperationalError("killed", {}, Exception())

    def is_stopped(self) -> bool:
        return self._n_left is not None and not self._dies and self._n_left <= 0


class Team(NamedTuple):
    """How a few workers have run a study."""

    reasons: list[str | None]
    records: list[FrozenTrial]
    lines: list[str]

    @property
    def essences(self) -> list[tuple[object, ...]]:
        return [essence(record) for record in self.records]


class Teams:
    """Studies on a made-up bank that several workers run."""

    def __init__(self, setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
        self.setup = setup
        self.gone: set[int] = set()
        self.n_workers = 0
        self.turns = Turns()
        self._monkeypatch = monkeypatch
        self.storage = open_storage(setup.url)

    def runner(
        self,
        name: str,
        strategy: str,
        pruner: str,
        batch_size: int | None,
        warm_start: WarmStart = NO_WARM_START,
    ) -> StudyRunner:
        self.n_workers += 1
        storage = open_storage(self.setup.url)
        return make_runner(
            storage,
            optuna.load_study(study_name=name, storage=storage),
            FakeWorker(self.n_workers, self.gone),
            STRATEGIES[strategy](self.setup.problem()),
            PRUNERS[pruner](self.setup.config.study.pruners, 20, 1),
            warm_start=warm_start,
            batch_size=batch_size,
        )

    def run(
        self,
        n_workers: int,
        n_trials: int,
        name: str = "study",
        strategy: str = "random_search",
        pruner: str = "bound",
        batch_size: int | None = None,
        rules: StoppingRules = NO_RULES,
        seed: int = 0,
        stop_after: int | None = None,
        dying: int = 0,
        warm_start: WarmStart = NO_WARM_START,
    ) -> Team:
        """Run a study, or go on with it.

        Parameters
        ----------
        stop_after : int, optional
            Trials after which each worker is asked to stop.
        dying : int
            Workers that die after two trials instead.
        """
        self.turns = Turns(seed)
        self._monkeypatch.setattr("studies.runner.time", self.turns)
        if name not in optuna.get_all_study_names(self.storage):
            optuna.create_study(storage=self.storage, study_name=name, direction="maximize")
        offer(self.storage, name, n_trials)
        heard = []
        acts: list[Callable[[], str | None]] = []
        for number in range(n_workers):
            is_dying = number < dying
            progress = Progress(self.turns, 2 if is_dying else stop_after, dies=is_dying)
            heard.append(progress)
            runner = self.runner(name, strategy, pruner, batch_size, warm_start)
            acts.append(self._act(runner, rules, progress, self.n_workers))
        reasons = self.turns.run(acts)
        study = optuna.load_study(study_name=name, storage=self.storage)
        records = study.get_trials(deepcopy=False)
        assert [record.number for record in records] == list(range(len(records)))
        return Team(reasons, records, [line for one in heard for line in one.lines])

    def _act(
        self, runner: StudyRunner, rules: StoppingRules, progress: Progress, number: int
    ) -> Callable[[], str | None]:
        def act() -> str | None:
            try:
                return runner.run(stopper(rules), progress, progress.is_stopped)
            except OperationalError:
                self.gone.add(number)
                return "died"

        return act


@pytest.fixture
def teams(
    tmp_path: Path, config: Configuration, make_bank: MakeBank, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Teams]:
    with quiet_optuna(), Setup(tmp_path, config, make_bank, n_cases=60) as setup:
        yield Teams(setup, monkeypatch)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_synchronous_study_is_the_same_with_any_number_of_workers(
    strategy: str, teams: Teams
) -> None:
    def run(n_workers: int, name: str, n_trials: int = 14, **more: Any) -> Team:
        return teams.run(n_workers, n_trials, name, strategy, batch_size=4, **more)

    alone = run(1, "alone")
    assert len(alone.records) == 14
    assert run(2, "two", seed=2).essences == alone.essences
    run(2, "stopped", stop_after=3)
    killed = run(3, "stopped", seed=4, dying=1)
    assert killed.reasons[0] == "died"
    assert killed.essences == alone.essences


def test_the_size_of_a_batch_decides_what_a_trial_knows(teams: Teams) -> None:
    one, four = (teams.run(1, 20, f"{n}", "tpe", batch_size=n) for n in (1, 4))
    assert one.essences != four.essences
    assert teams.run(1, 20, "none", "tpe").essences == one.essences


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("strategy", ["auto", "cmaes", "tpe", "qmc"])
def test_workers_who_do_not_wait_place_each_trial_once(
    strategy: str, seed: int, teams: Teams
) -> None:
    team = teams.run(3, 20, strategy=strategy, seed=seed, dying=1)
    assert len(team.records) == 20
    assert team.reasons[1:] == ["all 20 trials done"] * 2
    others = [tuple(sorted(record.params.items())) for record in team.records[1:]]
    if strategy != "auto":  # a lane may come to where another was
        assert len({*others}) == len(others)


@pytest.mark.parametrize("strategy", ["random_search", "qmc"])
def test_where_a_trial_goes_does_not_depend_on_the_number_of_workers(
    strategy: str, teams: Teams
) -> None:
    """A strategy that learns nothing; what is stopped early may differ."""
    alone = teams.run(1, 20, "alone", strategy, pruner="none")
    team = teams.run(3, 20, "team", strategy, pruner="none", seed=1)
    assert team.essences == alone.essences


def test_a_grid_is_tried_once_also_when_it_was_stopped_and_its_budget_raised(
    teams: Teams,
) -> None:
    teams.run(2, 30, strategy="grid_search", stop_after=5, seed=1)
    teams.run(3, 50, strategy="grid_search", dying=2, seed=2)
    team = teams.run(2, 500, strategy="grid_search", seed=3)
    assert {*team.reasons} == {"every grid point tried"}
    tried = [tuple(sorted(record.params.items())) for record in team.records]
    assert len(tried) == len({*tried}) == 108


def test_the_given_trials_run_first_and_by_one_worker(teams: Teams) -> None:
    found = teams.run(1, 8, "source").records[1:]
    weights = tuple(weights_of_record(record) for record in found)
    team = teams.run(3, 15, "warm", warm_start=WarmStart("source", weights, 0), seed=3)
    assert [record.params for record in team.records[1:8]] == [one.params for one in found]
    assert {lane_of_record(record) for record in team.records[:8]} == {0}
    assert origin_of_record(team.records[8]) == "random_search"


@pytest.mark.parametrize("strategy", ["auto", "line_search"])
def test_a_further_lane_starts_beside_the_best_and_climbs_by_itself(
    strategy: str, teams: Teams
) -> None:
    team = teams.run(2, 16, strategy=strategy, pruner="none", seed=1)
    lanes: dict[int, list[FrozenTrial]] = {}
    for record in team.records:
        lanes.setdefault(lane_of_record(record), []).append(record)
    assert lanes.keys() == {0, 1}
    assert origin_of_record(lanes[1][0]) == LineSearch.restart
    for own in lanes.values():
        here = feasible_value(own[0]) or 0.0
        n_steps = 0
        for record in own[1:]:
            origin = origin_of_record(record)
            if origin.startswith(LineSearch.name) and origin != LineSearch.restart:
                assert (feasible_value(record) or 0.0) > here
                n_steps += 1
            here = feasible_value(record) or 0.0
            if origin.startswith("tpe"):
                break  # it climbs from there only when it is the best
        assert n_steps


@pytest.mark.parametrize("n_workers", [1, 3])
def test_rules_of_a_synchronous_study_act_at_the_end_of_a_batch(
    n_workers: int, teams: Teams
) -> None:
    def run(n_workers: int, name: str, rules: StoppingRules = NO_RULES) -> Team:
        return teams.run(n_workers, 49, name, "cmaes", batch_size=8, rules=rules, seed=n_workers)

    everything = run(1, "whole")
    values = [feasible_value(record) or 0.0 for record in everything.records]
    best = [max(values[: n + 1]) for n in range(49)]
    rise = next(n for n in range(2, 40) if best[n] > best[n - 1] and n % 8 not in (0, 1))
    team = run(n_workers, "threshold", StoppingRules(best[rise], None, None))
    end = 1 + -(-rise // 8) * 8
    assert len(team.records) == end
    assert team.essences == everything.essences[:end]
    assert {*team.reasons} == {f"the best value reached {best[rise]:g}"}
    team = run(n_workers, "patience", StoppingRules(None, None, 3))
    assert {*team.reasons} == {"3 trials without a better value"}
    assert len(team.records) % 8 == 1
    assert team.essences == everything.essences[: len(team.records)]


def test_who_is_stopped_brings_back_what_has_run(teams: Teams) -> None:
    team = teams.run(1, 50, stop_after=7)
    assert team.reasons == [STOPPED]
    assert len(team.records) == 7


def test_an_end_that_another_worker_found_is_no_loss(teams: Teams) -> None:
    for seed in range(4):
        rules = StoppingRules(None, None, 6)
        team = teams.run(3, 200, f"study {seed}", rules=rules, seed=seed)
        assert {*team.reasons} == {"6 trials without a better value"}
        assert team.lines == []


def test_a_cancelled_study_ends_for_every_worker(teams: Teams) -> None:
    class Cancelling(Progress):
        def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
            if n_done == 5:
                cancel(teams.storage, "study")
            super().trial(n_done, n_trials, best_value)

    teams.run(1, 2)
    offer(teams.storage, "study", 500)
    teams.turns = Turns(1)
    teams._monkeypatch.setattr("studies.runner.time", teams.turns)
    acts = []
    for kind in (Cancelling, Progress):
        runner = teams.runner("study", "random_search", "bound", None)
        acts.append(teams._act(runner, NO_RULES, kind(teams.turns), teams.n_workers))
    assert teams.turns.run(acts) == ["it was cancelled"] * 2
    study = optuna.load_study(study_name="study", storage=teams.storage)
    assert 5 <= len(study.trials) < 500


class Slow:
    """A clock that moves by so much with every trial."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step
        self.n_there: list[int] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("step", "n_between"),
    [
        (0.4, 3),  # trials of 0.4 s: three take longer than a second
        (2.0, 1),
    ],
)
def test_what_has_run_is_brought_back_about_once_a_second(
    step: float, n_between: int, teams: Teams, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Slow(step)

    class Watching(Progress):
        def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
            clock.now += step
            study = optuna.load_study(study_name="study", storage=teams.storage)
            clock.n_there.append(n_done - len(study.get_trials(deepcopy=False)))

    teams.run(1, 1)
    offer(teams.storage, "study", 4 * n_between + 10)
    runner = teams.runner("study", "tpe", "none", None)
    monkeypatch.setattr("studies.runner.time", clock)
    runner.run(stopper(), Watching(Turns()))
    waiting: Sequence[int] = clock.n_there
    assert n_between - 1 <= max(waiting) <= n_between
