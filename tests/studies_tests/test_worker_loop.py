"""A study worker runs the studies that nobody runs, and waits for those of others."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from objectives.shards.resources import ComputeOptions, ComputeResources
from studies.coordinator import CANCELLED, STOPPED, Coordinator
from studies.definition.options import OptimizationConfig
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES
from studies.search import create
from studies.storage import study_queue
from studies.storage.database import quiet_optuna
from studies.storage.ownership import Ownership
from studies.worker_loop import WorkerLoop
from support.errors import InputFileError
from tests.studies_tests.storage.writing import lose_lock
from tests.studies_tests.test_coordinator import Listener, Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from objectives.configuration import Configuration
    from tests.conftest import MakeBank

N_TRIALS = 5
DONE = f"all {N_TRIALS} trials done"


class Queue:
    """Studies on a made-up bank, a worker, and a clock that moves while it pauses."""

    def __init__(self, setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
        self.setup = setup
        self.storage = setup.storage
        self.progress = Listener()
        self.is_stopped = False
        self.now = 0.0
        self.at_pause: Callable[[], object] = lambda: None
        self.wrong: dict[str, str] = {}  # what is wrong with the data here, by study
        self.timeout: float | None = None
        self.joined: list[str] = []
        compute = ComputeResources(ComputeOptions(), self.progress.say)
        self.loop = WorkerLoop(self.storage, compute, self.progress, lambda: self.is_stopped)
        monkeypatch.setattr("studies.worker_loop.join", self._join)
        monkeypatch.setattr("studies.worker_loop.time", self)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits for ever"
        self.at_pause()

    def _join(self, ownership: Ownership, *_: object, **__: object) -> Any:
        name = ownership.study.study_name
        self.joined.append(name)
        if name in self.wrong:
            raise InputFileError(self.wrong[name])
        config = self.setup.config
        strategy = STRATEGIES["random_search"](self.setup.problem())
        pruner = PRUNERS["none"](config.study.pruners, 20, 1)
        options = OptimizationConfig(max_experiments=N_TRIALS, timeout=self.timeout)
        return SimpleNamespace(
            coordinator=Coordinator(ownership, strategy, pruner), definition=options.definition()
        )

    def stop(self) -> None:
        self.is_stopped = True

    def offer(self, *names: str) -> None:
        for name in names:
            create(name, self.storage)
            study_queue.offer(self.storage, name, N_TRIALS)

    def n_trials(self, name: str) -> int:
        return len(self.setup.stored(name))


@pytest.fixture
def queue(
    tmp_path: Path, config: Configuration, make_bank: MakeBank, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Queue]:
    with quiet_optuna(), closing(Setup(tmp_path, config, make_bank, n_cases=20)) as setup:
        yield Queue(setup, monkeypatch)


def test_studies_are_run_in_turn_until_none_is_open(queue: Queue) -> None:
    queue.offer("one", "two")
    done = queue.loop.work()
    assert done.ended == {"one": DONE, "two": DONE}
    assert list(done.ended) == ["one", "two"]
    assert done.refused == {}
    assert (queue.n_trials("one"), queue.n_trials("two"), queue.now) == (N_TRIALS, N_TRIALS, 0)
    assert queue.loop.work().ended == {}


def test_only_those_that_are_named_are_run(queue: Queue) -> None:
    queue.offer("one", "two", "three")
    assert queue.loop.work(["three", "one"]).ended.keys() == {"one", "three"}
    assert queue.n_trials("two") == 0


def test_a_study_of_another_process_is_waited_for_and_taken_up_when_that_is_gone(
    queue: Queue,
) -> None:
    queue.offer("theirs", "next")
    study = queue.setup.study("theirs")
    other = Ownership(queue.storage, study)
    n_next: list[int] = []

    def pause() -> None:
        n_next.append(queue.n_trials("next"))
        if len(n_next) == 3:
            assert queue.n_trials("theirs") == 0
            other.close()  # as the process would by dying

    queue.at_pause = pause
    done = queue.loop.work()
    assert n_next == [N_TRIALS] * 3  # the next one was run meanwhile
    assert list(done.ended.items()) == [("next", DONE), ("theirs", DONE)]
    assert queue.joined == ["next", "theirs"]
    waits = [line for line in queue.progress.lines if line.startswith("waiting")]
    assert waits == ["waiting (run by other processes: 'theirs')"]


def test_a_study_that_another_process_ends_is_not_run_again(queue: Queue) -> None:
    queue.offer("theirs")
    other = Ownership(queue.storage, queue.setup.study("theirs"))
    open_studies = study_queue.open_studies(queue.storage)

    def end() -> None:
        other.end("all done", judged_budget=N_TRIALS)
        other.close()

    queue.at_pause = end
    done = queue.loop.work()
    assert (done.ended, done.refused, queue.joined) == ({}, {}, [])
    # also when that is so between looking and taking it
    assert not queue.loop._run(open_studies[0], done)
    assert (done.ended, queue.joined) == ({}, [])
    # or when it is deleted then
    study_queue.delete(queue.storage, "theirs")
    assert not queue.loop._run(open_studies[0], done)
    assert (done.ended, done.refused, queue.joined) == ({}, {}, [])


def test_who_loses_a_study_to_another_process_says_so_and_goes_on(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.offer("lost")
    run = Coordinator.run
    others: list[Ownership] = []

    def lose(coordinator: Coordinator, *given: Any) -> str:
        if not others:
            lose_lock(coordinator._ownership)
            others.append(Ownership(queue.storage, queue.setup.study("lost")))
        return run(coordinator, *given)

    def pause() -> None:
        others[0].close()

    monkeypatch.setattr(Coordinator, "run", lose)
    queue.at_pause = pause
    assert queue.loop.work().ended == {"lost": DONE}
    assert sum("this one has written nothing since" in one for one in queue.progress.lines) == 1
    assert queue.n_trials("lost") == N_TRIALS


def test_a_study_whose_time_is_over_stays_open_and_is_left(queue: Queue) -> None:
    queue.offer("one")
    queue.timeout = 1e-9
    assert queue.loop.work().ended == {"one": "the time limit of 1e-09 s"}
    assert [one.name for one in study_queue.open_studies(queue.storage)] == ["one"]
    assert 1 <= queue.n_trials("one") < N_TRIALS
    assert queue.joined == ["one"]
    queue.at_pause = queue.stop
    assert queue.loop.work(forever=True).ended == {}  # it leaves it to others for good
    assert queue.joined == ["one"]


def test_a_study_that_cannot_be_run_here_is_left_to_others(queue: Queue) -> None:
    queue.offer("one", "two")
    queue.wrong["one"] = "other data"
    done = queue.loop.work()
    assert (done.ended, done.refused) == ({"two": DONE}, {"one": "other data"})
    assert queue.progress.lines.count("study 'one' is left to others: other data") == 1
    assert queue.joined == ["one", "two"]


def test_it_is_tried_again_a_minute_later_where_there_is_a_later(queue: Queue) -> None:
    queue.offer("one")
    queue.wrong["one"] = "other data"
    tried: list[float] = []

    def pause() -> None:
        if len(queue.joined) > len(tried):
            tried.append(queue.now)
        if len(tried) == 2:
            queue.wrong.clear()
        queue.is_stopped = queue.n_trials("one") > 0

    queue.at_pause = pause
    done = queue.loop.work(forever=True)
    assert [later - tried[0] for later in tried] == [0.0, 60.0, 120.0]
    assert (done.ended, done.refused) == ({"one": DONE}, {})


def test_a_worker_for_ever_waits_for_new_studies(queue: Queue) -> None:
    def pause() -> None:
        if queue.now == 3.0:
            queue.offer("one")
        queue.is_stopped = queue.now == 5.0

    queue.at_pause = pause
    assert queue.loop.work(forever=True).ended == {"one": DONE}
    assert queue.progress.lines == [
        "waiting (no study to run)",
        "study 'one': 0 trials are there",
        f"study 'one': {DONE}",
        "waiting (no study to run)",
    ]


def test_who_is_asked_to_stop_ends_with_what_has_run(queue: Queue) -> None:
    queue.offer("one", "two")
    queue.progress.act(2, queue.stop)
    assert queue.loop.work().ended == {"one": STOPPED}
    assert (queue.n_trials("one"), queue.n_trials("two")) == (2, 0)
    assert "study 'one' is stopped at 2 of 5 trials" in queue.progress.lines[-1]


def test_a_cancelled_study_ends_and_the_next_one_is_run(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.offer("one", "two")
    run = Coordinator.run

    def cancel_one(coordinator: Coordinator, *given: Any) -> str:
        if coordinator.name == "one":
            queue.setup.cancel("one")
        return run(coordinator, *given)

    monkeypatch.setattr(Coordinator, "run", cancel_one)
    done = queue.loop.work()
    assert done.ended == {"one": CANCELLED, "two": DONE}
    assert "study 'one': it was cancelled" in queue.progress.lines
