"""Contract with Optuna: what `optuna_tables` writes is what Optuna itself would have written.

Its tables are no public interface. When an upgrade of Optuna changes them, these tests say so.
"""

from __future__ import annotations

import json
import math
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
from optuna.trial import FrozenTrial, TrialState, create_trial

from tests.studies_tests.storage.writing import rows_of, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.storages import RDBStorage

    from tests.studies_tests.conftest import NewDatabase, OpenStorage

PATIENCE_S = 60.0


def make_study(storage: RDBStorage, name: str = "study") -> optuna.Study:
    return optuna.create_study(storage=storage, study_name=name, direction="maximize")


def trial_of(x: float = 0.5, value: float = 0.25, **more: Any) -> FrozenTrial:
    return create_trial(
        value=value, params={"x": x}, distributions={"x": FloatDistribution(0, 1)}, **more
    )


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


def test_what_is_read_is_what_optuna_would_have_written(
    new_database: NewDatabase, opened: OpenStorage
) -> None:
    theirs, ours = opened(new_database()), opened(new_database())
    make_study(theirs).add_trials(all_kinds())
    make_study(ours)
    trials = all_kinds()
    write(ours, trials)
    expected = [fields(trial) for trial in read(theirs)]
    assert [fields(trial) for trial in read(ours)] == expected
    assert [row["number"] for row in expected] == list(range(len(trials)))
    for row, trial in zip(expected, trials, strict=True):
        assert row == fields(trial) | {"number": row["number"]}


def test_every_row_is_what_optuna_would_have_written(
    new_database: NewDatabase, opened: OpenStorage
) -> None:
    trials = all_kinds()
    theirs, ours = opened(new_database()), opened(new_database())
    another = trial_of()
    for storage in (theirs, ours):
        make_study(storage, "another").add_trial(another)
        make_study(storage).add_trial(trials[0])
    optuna.load_study(study_name="study", storage=theirs).add_trials(trials)
    write(ours, trials)
    expected = rows_of(theirs)
    assert len(expected["trials"]) == len(trials) + 2
    assert rows_of(ours) == expected


def test_optuna_goes_on_where_a_batch_ended_and_the_other_way_round(
    url: str, opened: OpenStorage
) -> None:
    storage = opened(url)
    study = make_study(storage)
    write(storage, [trial_of(), trial_of()])
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    write(storage, [trial_of()])
    assert [trial.number for trial in study.get_trials()] == [0, 1, 2, 3, 4]


def test_only_finished_trials_that_fit_the_study_are_written(
    url: str, opened: OpenStorage
) -> None:
    storage = opened(url)
    make_study(storage)
    for state in (TrialState.RUNNING, TrialState.WAITING):
        with pytest.raises(ValueError, match=f"finished trials can be written, got {state.name}"):
            write(storage, [trial_of(), create_trial(state=state)])
    with pytest.raises(ValueError, match="has 2 values, the study has one"):
        write(storage, [trial_of(), create_trial(values=[1.0, 2.0])])
    assert read(storage) == []


def test_a_batch_that_fails_half_way_leaves_nothing(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    with pytest.raises(TypeError, match="not JSON serializable"):
        write(storage, [trial_of(), trial_of(user_attrs={"set": {1}})])
    assert read(storage) == []
    write(storage, [trial_of()])


def test_the_best_trial_is_feasible(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    batch = [
        trial_of(value=0.5, constraints={"critical": 0.0}),
        trial_of(value=0.9, constraints={"critical": 1.0}),
        trial_of(value=0.6, constraints={"critical": -1.0}),
    ]
    write(storage, batch)
    study = optuna.load_study(study_name="study", storage=storage)
    assert study.best_trial.number == 2


def test_a_reader_that_looked_before_sees_every_batch(url: str, opened: OpenStorage) -> None:
    storage = opened(url)
    make_study(storage)
    reader = optuna.load_study(study_name="study", storage=opened(url))
    for n_trials in (0, 3, 6):
        assert len(reader.get_trials()) == n_trials
        write(storage, [trial_of()] * 3)
    assert len(reader.get_trials()) == 9


def write_three(storage: RDBStorage) -> None:
    write(storage, [trial_of(0.1), trial_of(0.2), trial_of(0.3)])


def add_three(storage: RDBStorage) -> None:
    optuna.load_study(study_name="study", storage=storage).add_trials([trial_of()] * 3)


@pytest.mark.parametrize("other", [write_three, add_three])
def test_a_batch_that_commits_late_is_seen(
    other: Callable[[RDBStorage], None], url: str, opened: OpenStorage
) -> None:
    """Without the lock on the study a later writer is done first, and its numbers are taken."""
    slow = opened(url)
    make_study(slow)
    reader = optuna.load_study(study_name="study", storage=opened(url))
    about_to_commit, may_commit = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        if not connection.exec_driver_sql("SELECT count(*) FROM trials").scalar():
            return  # it has only looked for the study
        about_to_commit.set()
        assert may_commit.wait(PATIENCE_S)

    sa.event.listen(slow.engine, "commit", hold)
    with ThreadPoolExecutor() as threads:
        late = threads.submit(write, slow, [trial_of(0.7), trial_of(0.8)])
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


@pytest.mark.process
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
    write(storage, batch)
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
