from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from support.executors import Executor, LocalProcesses, ThisProcess
from tests.support_tests.compute_work import Loaded, Part, double, fail, pid, who_received

if TYPE_CHECKING:
    from collections.abc import Iterator


def parts(n: int) -> Iterator[Part]:
    return map(Part, range(n))


@pytest.mark.parametrize(
    "executor",
    [ThisProcess(), pytest.param(LocalProcesses(2), marks=pytest.mark.process)],
)
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.timeout(120)
def test_every_part_is_run_once(executor: Executor, ordered: bool) -> None:
    found = list(executor.run(double, 1, parts(20), ordered=ordered))
    assert sorted(found) == [2 * n + 1 for n in range(20)]
    assert not ordered or found == sorted(found)


def test_nothing_is_run_of_nothing() -> None:
    assert list(LocalProcesses(2).run(double, 1, parts(0))) == []


def test_a_single_part_needs_no_other_process() -> None:
    assert list(LocalProcesses(2).run(pid, None, parts(1))) == [os.getpid()]


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_what_is_shared_goes_to_each_process_once_and_few_parts_are_under_way() -> None:
    taken: list[int] = []

    def counted() -> Iterator[Part]:
        for part in parts(30):
            taken.append(part.number)
            yield part

    with closing(LocalProcesses(2).run(who_received, Loaded(), counted())) as run:
        next(run)
        assert len(taken) <= 4
        received = dict(run)
    assert len(received) <= 2
    assert os.getpid() not in received
    assert set(received.values()) == {1}


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_processes_end_with_the_run() -> None:
    with closing(LocalProcesses(2).run(pid, None, parts(9))) as run:
        other = next(run)
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)


@pytest.mark.process
@pytest.mark.timeout(120)
def test_what_a_part_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="in part"):
        list(LocalProcesses(2).run(fail, "", parts(4)))
