from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.trial import FrozenTrial, create_trial

from studies.trial_log import TrialLog
from studies.trial_writer import NumbersTakenError, TrialWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.studies_tests.conftest import NewDatabase, OpenStorage


class Desk:
    """A log of a study, a clock to be set by hand, and another reader of the database."""

    def __init__(self, url: str, opened: OpenStorage) -> None:
        storage = opened(url)
        self.study = optuna.create_study(
            storage=storage, study_name="study", direction="maximize", load_if_exists=True
        )
        self.writer = TrialWriter(storage, "study")
        self.now = 100.0
        self.log = TrialLog(self.study, self.writer, lambda: self.now)
        self._reader = optuna.load_study(study_name="study", storage=opened(url))

    def add(self, value: float, after_s: float = 0.0) -> int:
        """Add a trial some seconds after the last one; return how many the database has."""
        self.now += after_s
        self.log.add(create_trial(value=value))
        return self.n_there

    @property
    def n_there(self) -> int:
        return len(self._reader.get_trials(deepcopy=False))


@pytest.fixture
def desk(new_database: NewDatabase, opened: OpenStorage) -> Desk:
    return Desk(new_database(), opened)


def test_the_first_trial_is_written_at_once_and_later_ones_each_second(desk: Desk) -> None:
    assert desk.add(0.0) == 1
    assert [desk.add(n / 10, after_s=0.25) for n in range(1, 7)] == [1, 1, 4, 4, 4, 7]


def test_a_batch_does_not_wait_for_a_slow_trial(desk: Desk) -> None:
    desk.add(0.0)
    assert desk.add(0.1, after_s=0.6) == 2
    assert desk.add(0.2, after_s=0.1) == 2
    assert desk.add(0.3, after_s=30.0) == 4


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ZeroDivisionError, SystemExit])
def test_nothing_is_left_behind_however_it_ends(
    error: type[BaseException] | None, desk: Desk
) -> None:
    def study() -> None:
        with desk.log:
            for n in range(5):
                desk.add(n / 10)
            assert desk.n_there == 1
            if error:
                raise error

    with pytest.raises(error) if error else nullcontext():
        study()
    assert desk.n_there == 5


def test_the_records_are_those_of_the_database(desk: Desk) -> None:
    with desk.log:
        for n in range(4):
            desk.add(n / 10)
        assert [record.number for record in desk.log.records] == [0, 1, 2, 3]
    assert essence(desk.log.records) == essence(desk.study.get_trials())
    again = TrialLog(desk.study, desk.writer)
    assert essence(again.records) == essence(desk.log.records)


def essence(records: Sequence[FrozenTrial]) -> list[tuple[object, ...]]:
    return [(r.number, r.state, r.values, r.datetime_start, r.datetime_complete) for r in records]


def test_an_interrupt_right_after_the_commit_does_no_harm(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the database commits is heard when it has committed."""
    write = desk.writer.write

    def write_and_hear_ctrl_c(trials: Sequence[FrozenTrial], first_number: int) -> None:
        write(trials, first_number)
        monkeypatch.undo()
        raise KeyboardInterrupt

    desk.add(0.0)
    desk.add(0.1)
    monkeypatch.setattr(desk.writer, "write", write_and_hear_ctrl_c)
    with pytest.raises(KeyboardInterrupt), desk.log:
        desk.add(0.2, after_s=5.0)
    assert desk.n_there == 3


def test_a_study_that_others_wrote_to_is_not_mixed_up(desk: Desk) -> None:
    desk.add(0.0)
    desk.study.add_trial(create_trial(value=0.9))
    with pytest.raises(NumbersTakenError, match="run the same command again"), desk.log:
        desk.add(0.1)
    assert desk.n_there == 2
