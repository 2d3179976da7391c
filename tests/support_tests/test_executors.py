"""What every executor does, wherever its parts are run."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from support.compute.executor import DaskExecutor
from support.executors import Executor, LocalProcesses, ThisProcess
from tests.support_tests.compute_work import Loaded, double, fail, parts, pid, who_received

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support_tests.compute_work import Part

pytestmark = pytest.mark.timeout(120)

two_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
ELSEWHERE = [
    pytest.param("processes", marks=[pytest.mark.process, two_cores]),
    pytest.param("workers", marks=pytest.mark.process),
]


@pytest.fixture(params=["here", *ELSEWHERE])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "workers":
        return DaskExecutor(request.getfixturevalue("pair"))
    return ThisProcess() if request.param == "here" else LocalProcesses(2)


@pytest.mark.parametrize("ordered", [True, False])
def test_every_part_is_run_once(executor: Executor, ordered: bool) -> None:
    found = list(executor.run(double, 1, parts(40), ordered=ordered))
    assert sorted(found) == [2 * n + 1 for n in range(40)]
    assert not ordered or found == sorted(found)


def test_what_a_part_raises_is_raised(executor: Executor) -> None:
    with pytest.raises(ZeroDivisionError, match="in part"):
        list(executor.run(fail, "", parts(4)))
    assert list(executor.run(double, 0, parts(2), ordered=True)) == [0, 2]


@pytest.mark.parametrize("executor", ELSEWHERE, indirect=True)
def test_what_is_shared_goes_to_each_process_once_and_few_parts_are_under_way(
    executor: Executor,
) -> None:
    taken: list[Part] = []
    received: set[tuple[int, int]] = set()

    def counted() -> Iterator[Part]:
        for part in parts(60):
            taken.append(part)
            yield part

    with closing(executor.run(who_received, Loaded(), counted(), ordered=True)) as run:
        for number, found in enumerate(run, start=1):
            received.add(found)
            assert len(taken) <= number + 4 * 2
    assert len(taken) == 60
    assert {n_received for _, n_received in received} == {1}
    assert len(received) <= 2
    assert os.getpid() not in dict(received)


def test_nothing_is_run_of_nothing() -> None:
    assert list(LocalProcesses(2).run(double, 1, parts(0))) == []


def test_a_single_part_needs_no_other_process() -> None:
    assert list(LocalProcesses(2).run(pid, None, parts(1))) == [os.getpid()]


@pytest.mark.process
@two_cores
def test_processes_end_with_the_run() -> None:
    with closing(LocalProcesses(2).run(pid, None, parts(9))) as run:
        other = next(run)
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)
