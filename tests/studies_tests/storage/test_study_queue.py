"""Which studies are to be run, how far they are, and who runs them."""

from __future__ import annotations

import os
import platform
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import optuna
import pytest
import sqlalchemy as sa

from studies.search import create, definition_of
from studies.storage import study_queue
from studies.storage.database import quiet_optuna
from studies.storage.ownership import Ownership, StudyTakenError, Summary
from studies.storage.study_queue import StudyStatus
from studies.storage.study_table import STUDIES
from support.errors import StudyError
from tests.studies_tests.storage.writing import Trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optuna.storages import RDBStorage

    from tests.studies_tests.conftest import NewDatabase, OpenStorage


@pytest.fixture
def storage(new_database: NewDatabase, opened: OpenStorage) -> Iterator[RDBStorage]:
    with quiet_optuna():
        yield opened(new_database())


def offered(storage: RDBStorage, name: str, budget: int = 20) -> optuna.Study:
    study = create(name, storage)
    study_queue.offer(storage, name, budget)
    return study


def open_names(storage: RDBStorage) -> list[str]:
    return [one.name for one in study_queue.open_studies(storage)]


def status(storage: RDBStorage) -> dict[str, StudyStatus]:
    return {one.name: one for one in study_queue.list_studies(storage)}


def test_studies_are_run_in_the_order_of_their_making(storage: RDBStorage) -> None:
    for name in ("b", "a"):
        create(name, storage)
    assert open_names(storage) == []
    for name in ("a", "b", "c"):
        offered(storage, name)
    assert open_names(storage) == ["b", "a", "c"]
    study_queue.cancel(storage, "a")
    assert open_names(storage) == ["b", "c"]
    study_queue.offer(storage, "a", 5)
    assert open_names(storage) == ["b", "a", "c"]


def test_how_far_a_study_is_and_who_runs_it(storage: RDBStorage) -> None:
    made = Trials()
    with Ownership(storage, offered(storage, "one")) as ownership:
        ownership.write(made(8), 0, Summary(0.5, 0.75, 4.0))
        here = f"{platform.node()} ({os.getpid()})"
        assert status(storage)["one"] == StudyStatus(
            *("one", "open", 8, 20, 0.75, 0.25, here, 4.0, 3.0)
        )
        study_queue.offer(storage, "one", 4)
        assert status(storage)["one"].seconds_left == 0.0
        ownership.end("enough", judged_budget=4)
    assert status(storage)["one"] == StudyStatus(
        *("one", "finished", 8, 4, 0.75, 0.25, None, None, None)
    )


def test_a_study_of_another_program_is_shown_and_left_alone(storage: RDBStorage) -> None:
    study = optuna.create_study(
        storage=storage, study_name="theirs", directions=["minimize", "maximize"]
    )
    study.add_trial(optuna.trial.create_trial(values=[1.0, 2.0]))
    assert status(storage)["theirs"] == StudyStatus("theirs", "not submitted", 1, *[None] * 6)
    with Ownership(storage, study) as ownership:
        assert not ownership.is_open
    assert open_names(storage) == []
    with pytest.raises(StudyError, match="'theirs' was never submitted; `radtune submit"):
        definition_of(study)


def test_the_row_of_a_deleted_study_is_not_that_of_another_with_its_name_or_id(
    storage: RDBStorage,
) -> None:
    """Optuna's dashboard deletes studies without our rows; SQLite uses their ids again."""
    offered(storage, "x", 5)
    offered(storage, "kept")
    optuna.delete_study(study_name="x", storage=storage)
    assert open_names(storage) == ["kept"]
    create("x", storage)  # with an id of its own
    assert open_names(storage) == ["kept"]
    assert status(storage)["x"].state == "not submitted"
    offered(storage, "x", 7)
    assert open_names(storage) == ["kept", "x"]
    assert status(storage)["x"].budget == 7
    study_queue.cancel(storage, "x")
    assert open_names(storage) == ["kept"]
    optuna.delete_study(study_name="x", storage=storage)
    offered(storage, "later")  # on SQLite with the id of x
    assert status(storage)["later"].state == "open"


def test_a_study_that_is_run_is_not_deleted(storage: RDBStorage) -> None:
    made = Trials()
    offered(storage, "other")
    with Ownership(storage, offered(storage, "one")) as ownership:
        ownership.write(made(2), 0, Summary(None, None, None))
        with pytest.raises(StudyTakenError, match=rf"'one' is run by process {os.getpid()} on "):
            study_queue.delete(storage, "one")
        assert study_queue.count_trials(storage, "one") == 2
    study_queue.delete(storage, "one")
    assert status(storage).keys() == {"other"}
    for act in (study_queue.delete, study_queue.cancel, study_queue.count_trials):
        with pytest.raises(StudyError, match="there is no study 'one'; there are: other"):
            act(storage, "one")
    with pytest.raises(StudyError, match="there is no study 'one'; there are: other"):
        study_queue.check_names(storage, ["other", "one"])


def test_one_process_at_a_time_says_what_a_study_is(
    storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    create("one", storage)
    create("other", storage)
    entered = threading.Event()

    def submit() -> None:
        with study_queue.submitting(storage, "one"):
            entered.set()

    with ThreadPoolExecutor() as threads:
        with study_queue.submitting(storage, "one"):
            second = threads.submit(submit)
            with study_queue.submitting(storage, "other"):
                assert not entered.wait(0.3)
        second.result()
    monkeypatch.setattr(study_queue, "_LONGEST_S", 0.0)
    with (
        study_queue.submitting(storage, "one"),
        pytest.raises(StudyError, match="another process has been submitting it for a minute"),
        study_queue.submitting(storage, "one"),
    ):
        pass


def test_a_damaged_row_is_one_line(storage: RDBStorage) -> None:
    offered(storage, "one")
    with storage.engine.begin() as connection:
        connection.execute(sa.update(STUDIES).values(state="\x1b[2J"))
    with pytest.raises(StudyError, match=r"^study 'one' cannot be read") as refused:
        study_queue.list_studies(storage)
    assert str(refused.value).isprintable()
