"""Contract with Optuna: what `TrialWriter` writes is what Optuna itself would have written.

Its tables are no public interface. When an upgrade of Optuna changes them, these tests say so.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from engine.errors import StudyError
from studies.storage import open_storage
from studies.trial_writer import TrialWriter
from tests.studies_tests.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optuna.storages import RDBStorage

    from tests.studies_tests.conftest import NewDatabase, OpenStorage

N_IN_BATCH = 7
PATIENCE_S = 60.0


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database()


def make_study(storage: RDBStorage, name: str = "study", n_objectives: int = 1) -> optuna.Study:
    directions = [StudyDirection.MAXIMIZE] * n_objectives
    return optuna.create_study(storage=storage, study_name=name, directions=directions)


def trial_of(x: float = 0.5, value: float = 0.25, **more: Any) -> FrozenTrial:
    return create_trial(
        value=value, params={"x": x}, distributions={"x": FloatDistribution(0, 1)}, **more
    )


def append(writer: TrialWriter, trials: Sequence[FrozenTrial], first_number: int = 0) -> None:
    """Write behind what others have written, as a worker does that plans again."""
    while not write(writer, trials, first_number):
        with writer.locked() as connection:
            first_number = writer.count(connection)


def all_kinds() -> list[FrozenTrial]:
    """Trials of every finished state, with every value that is stored in a way of its own."""
    params: dict[str, Any] = {
        "x": 0.1,
        "log": 1e-5,
        "n": 3,
        "step": 0.75,
        "kind": "b",
        "none": None,
    }
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        "x": FloatDistribution(0, 1),
        "log": FloatDistribution(1e-9, 1.0, log=True),
        "n": IntDistribution(1, 9, step=2),
        "step": FloatDistribution(0, 1, step=0.25),
        "kind": CategoricalDistribution(["a", "b", 1, 1.0, True]),
        "none": CategoricalDistribution([None, False]),
    }
    hostile = "'; DROP TABLE trials; -- %s :x ?"
    trials = [
        create_trial(
            value=1 / 3,
            params=params,
            distributions=distributions,
            user_attrs={"nested": {"é": [1, 2.5, None]}, hostile: hostile, "nan": math.inf},
            system_attrs={"of the sampler": [1, 2]},
            intermediate_values={1: 0.1, 2: math.inf, 30: -math.inf, 4: math.nan},
            constraints={"a": 0.0, "b": 1.5},
        ),
        trial_of(value=math.inf),
        trial_of(value=-math.inf),
        create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.5, 2: math.nan}),
        create_trial(state=TrialState.PRUNED, value=0.5, intermediate_values={1: 0.5}),
        create_trial(state=TrialState.FAIL, user_attrs={"traceback": "Traceback ...\n  bug"}),
    ]
    for n, trial in enumerate(trials):
        trial.datetime_start = datetime(2024, 7, 1, 12, 0, n, 123456)  # noqa: DTZ001 - as Optuna
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=1, microseconds=n)
    return trials


def read(storage: RDBStorage, name: str = "study") -> list[FrozenTrial]:
    return optuna.load_study(study_name=name, storage=storage).get_trials()


def fields(trial: FrozenTrial) -> dict[str, object]:
    """Everything in a trial; NaN, which equals nothing, by name."""
    steps = {step: "NaN" if math.isnan(x) else x for step, x in trial.intermediate_values.items()}
    return {
        "number": trial.number,
        "state": trial.state,
        "values": trial.values,
        "datetime_start": trial.datetime_start,
        "datetime_complete": trial.datetime_complete,
        "params": list(trial.params.items()),
        "distributions": {
            name: distribution_to_json(found) for name, found in trial.distributions.items()
        },
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "constraints": trial.constraints,
        "intermediate_values": steps,
    }


def rows_of(storage: RDBStorage) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that the database has, its keys included."""
    tables = sa.MetaData()
    tables.reflect(storage.engine)
    with storage.engine.connect() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(table.select()))
            for table in tables.sorted_tables
        }


def test_what_is_read_is_what_optuna_would_have_written(
    new_database: NewDatabase, opened: OpenStorage
) -> None:
    theirs, ours = opened(new_database()), opened(new_database())
    make_study(theirs).add_trials(all_kinds())
    make_study(ours)
    trials = all_kinds()
    write(TrialWriter(ours, "study"), trials, 0)
    expected = [fields(trial) for trial in read(theirs)]
    assert [fields(trial) for trial in read(ours)] == expected
    assert [row["number"] for row in expected] == list(range(len(trials)))
    for row, trial in zip(expected, trials, strict=True):
        assert row == fields(trial) | {"number": row["number"]}


@pytest.mark.parametrize("n_objectives", [1, 2])
def test_every_row_is_what_optuna_would_have_written(
    n_objectives: int, new_database: NewDatabase, opened: OpenStorage
) -> None:
    trials = all_kinds()
    if n_objectives == 2:
        trials = [create_trial(values=[0.5, math.inf]), create_trial(state=TrialState.FAIL)]
    theirs, ours = opened(new_database()), opened(new_database())
    another = trial_of()
    for storage in (theirs, ours):
        make_study(storage, "another").add_trial(another)
        make_study(storage, n_objectives=n_objectives).add_trial(trials[0])
    optuna.load_study(study_name="study", storage=theirs).add_trials(trials)
    write(TrialWriter(ours, "study"), trials, 1)
    expected = rows_of(theirs)
    assert len(expected["trials"]) == len(trials) + 2
    assert rows_of(ours) == expected


def test_optuna_goes_on_where_a_batch_ended_and_the_other_way_round(
    url: str, opened: OpenStorage
) -> None:
    storage = opened(url)
    study = make_study(storage)
    writer = TrialWriter(storage, "study")
    write(writer, [trial_of(), trial_of()], 0)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    write(writer, [trial_of()], 4)
    assert [trial.number for trial in study.get_trials()] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("first_number", [0, 1, 3])
def test_a_batch_that_is_not_the_next_one_is_refused(
    first_number: int, url: str, opened: OpenStorage
) -> None:
    storage = opened(url)
    make_study(storage)
    writer = TrialWriter(storage, "study")
    write(writer, [trial_of(), trial_of()], 0)
    before = rows_of(storage)
    assert not write(writer, [trial_of(0.1), trial_of(0.2)], first_number)
    assert rows_of(storage) == before


def test_the_same_batch_again_changes_nothing(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    writer = TrialWriter(storage, "study")
    batch = all_kinds()
    write(writer, batch, 0)
    write(writer, [trial_of()], len(batch))
    before = rows_of(storage)
    assert not write(writer, batch, 0)
    with writer.locked() as connection:
        assert writer.is_written(connection, batch, 0)
        assert not writer.is_written(connection, batch, 1)
    assert write(writer, [], len(batch) + 1)
    assert rows_of(storage) == before


def test_only_finished_trials_that_fit_the_study_are_written(
    url: str, opened: OpenStorage
) -> None:
    storage = opened(url)
    make_study(storage)
    writer = TrialWriter(storage, "study")
    for state in (TrialState.RUNNING, TrialState.WAITING):
        with pytest.raises(ValueError, match=f"finished trials can be written, got {state.name}"):
            write(writer, [trial_of(), create_trial(state=state)], 0)
    with pytest.raises(ValueError, match="has 2 values, the study 1"):
        write(writer, [trial_of(), create_trial(values=[1.0, 2.0])], 0)
    assert read(storage) == []


def test_a_batch_that_fails_half_way_leaves_nothing(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    writer = TrialWriter(storage, "study")
    with pytest.raises(TypeError, match="not JSON serializable"):
        write(writer, [trial_of(), trial_of(user_attrs={"set": {1}})], 0)
    assert read(storage) == []
    write(writer, [trial_of()], 0)


def test_a_deleted_study_is_an_error_in_words(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    writer = TrialWriter(storage, "study")
    optuna.delete_study(study_name="study", storage=storage)
    with pytest.raises(StudyError, match="'study' was deleted"):
        write(writer, [trial_of()], 0)


def test_the_best_trial_is_feasible(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    batch = [
        trial_of(value=0.5, constraints={"critical": 0.0}),
        trial_of(value=0.9, constraints={"critical": 1.0}),
        trial_of(value=0.6, constraints={"critical": -1.0}),
    ]
    write(TrialWriter(storage, "study"), batch, 0)
    study = optuna.load_study(study_name="study", storage=storage)
    assert study.best_trial.number == 2


def test_a_reader_that_looked_before_sees_every_batch(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    reader = optuna.load_study(study_name="study", storage=opened(url))
    writer = TrialWriter(storage, "study")
    for n_trials in (0, 3, 6):
        assert len(reader.get_trials()) == n_trials
        write(writer, [trial_of()] * 3, n_trials)
    assert len(reader.get_trials()) == 9


def append_three(storage: RDBStorage) -> None:
    append(TrialWriter(storage, "study"), [trial_of(0.1), trial_of(0.2), trial_of(0.3)])


def add_three(storage: RDBStorage) -> None:
    optuna.load_study(study_name="study", storage=storage).add_trials([trial_of()] * 3)


@pytest.mark.parametrize("other", [append_three, add_three])
def test_a_batch_that_commits_late_is_seen(
    other: Callable[[RDBStorage], None], url: str, opened: OpenStorage
) -> None:
    """Without the lock on the study a later writer is done first, and its numbers are taken."""
    slow = opened(url)
    make_study(slow)
    writer = TrialWriter(slow, "study")
    reader = optuna.load_study(study_name="study", storage=opened(url))
    about_to_commit, may_commit = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        about_to_commit.set()
        assert may_commit.wait(PATIENCE_S)

    sa.event.listen(slow.engine, "commit", hold)
    with ThreadPoolExecutor() as threads:
        late = threads.submit(write, writer, [trial_of(0.7), trial_of(0.8)], 0)
        assert about_to_commit.wait(PATIENCE_S)
        overtaking = threads.submit(other, opened(url))
        with pytest.raises(TimeoutError):
            overtaking.result(timeout=0.3)
        assert reader.get_trials() == []
        may_commit.set()
        late.result()
        overtaking.result()
    trials = reader.get_trials()
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    assert [trial.params["x"] for trial in trials][:2] == [0.7, 0.8]
    ids = [trial._trial_id for trial in trials]
    assert ids == sorted(ids)


def test_writers_at_once_never_give_a_number_twice(url: str, opened: OpenStorage) -> None:
    make_study(opened(url))
    reader = optuna.load_study(study_name="study", storage=opened(url))
    n_batches = 12

    def write_as(name: str) -> None:
        writer = TrialWriter(opened(url), "study")
        for _ in range(n_batches):
            append(writer, [trial_of(user_attrs={"by": name, "n": n}) for n in range(N_IN_BATCH)])

    def add_with_optuna() -> None:
        study = optuna.load_study(study_name="study", storage=opened(url))
        for _ in range(n_batches):
            study.add_trial(trial_of(user_attrs={"by": "optuna", "n": 0}))

    with ThreadPoolExecutor() as threads:
        working = [threads.submit(write_as, "a"), threads.submit(write_as, "b")]
        working.append(threads.submit(add_with_optuna))
        while not all(future.done() for future in working):
            reader.get_trials()
        for future in working:
            future.result()
    trials = reader.get_trials()
    assert [trial.number for trial in trials] == list(range(n_batches * (2 * N_IN_BATCH + 1)))
    for trial in trials:
        first = trials[trial.number - trial.user_attrs["n"]]
        assert (first.user_attrs["by"], first.user_attrs["n"]) == (trial.user_attrs["by"], 0)


def write_for_ever(url: str, wrote: Any) -> None:
    writer = TrialWriter(open_storage(url), "study")
    while True:
        append(writer, [trial_of(intermediate_values={1: 0.5})] * N_IN_BATCH)
        wrote.send_bytes(b".")


def stop_in_the_middle(url: str, wrote: Any) -> None:
    storage = open_storage(url)
    writer = TrialWriter(storage, "study")

    def hold(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "trial_params" in statement:
            wrote.send_bytes(b".")
            threading.Event().wait()

    sa.event.listen(storage.engine, "before_cursor_execute", hold)
    append(writer, [trial_of()] * N_IN_BATCH)


@pytest.mark.parametrize(("worker", "n_signs"), [(write_for_ever, 3), (stop_in_the_middle, 1)])
def test_a_killed_worker_leaves_whole_batches_only(
    worker: Callable[[str, Any], None], n_signs: int, url: str, opened: OpenStorage
) -> None:
    storage = opened(url)
    make_study(storage)
    processes = multiprocessing.get_context("spawn")
    for _ in range(2):
        signs, wrote = processes.Pipe(duplex=False)
        process = processes.Process(target=worker, args=(url, wrote))
        process.start()
        for _ in range(n_signs):
            assert signs.poll(PATIENCE_S)
            signs.recv_bytes()
        process.kill()
        process.join()
        signs.close()
        wrote.close()
    # Waits until the server has done with the dead.
    append(TrialWriter(storage, "study"), [trial_of(intermediate_values={1: 0.5})] * N_IN_BATCH)
    trials = read(storage)
    assert len(trials) >= N_IN_BATCH * (5 if worker is write_for_ever else 1)
    assert len(trials) % N_IN_BATCH == 0
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert all(trial.params and trial.intermediate_values for trial in trials)
    n_parts = {name: len(rows) for name, rows in rows_of(storage).items()}
    assert n_parts["trial_params"] == n_parts["trial_values"] == len(trials)


def test_the_tools_of_optuna_work_on_it(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    axes: dict[str, optuna.distributions.BaseDistribution] = {
        name: FloatDistribution(0, 1) for name in "xy"
    }
    batch = [
        create_trial(value=n / 20, params={"x": n / 20, "y": n % 3 / 3}, distributions=axes)
        for n in range(20)
    ]
    write(TrialWriter(storage, "study"), batch, 0)
    study = optuna.load_study(study_name="study", storage=storage)
    importances = optuna.importance.get_param_importances(study)
    assert importances["x"] > importances["y"]
    (listed,) = optuna_cli("studies", "--storage", url)
    assert (listed["name"], listed["n_trials"]) == ("study", 20)
    trials = optuna_cli("trials", "--study-name", "study", "--storage", url)
    assert [trial["number"] for trial in trials] == list(range(20))
    assert {trial["state"] for trial in trials} == {"COMPLETE"}


def optuna_cli(*arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [Path(sys.executable).with_name("optuna"), *arguments, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found
