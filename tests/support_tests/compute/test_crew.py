"""Compute workers: who gets work, and what happens when they come, differ and die."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import numpy as np
import pytest
import yaml

from objectives.bank.feature_bank import FeatureBank, load_or_build_bank
from objectives.workspace import Workspace
from support.caches import cache_dir
from support.compute import connection
from support.compute.connection import LOCAL_SETTINGS, crew_of_scheduler, local_crew
from support.compute.environment import environment, refusal
from support.compute.executor import DaskExecutor
from support.errors import ComputeError
from support.executors import ThisProcess
from tests.cluster import SETTINGS, call_all, running_cluster, step_until
from tests.conftest import ROOT
from tests.support_tests.compute_work import die_always, die_once, double, nothing, parts, pid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from objectives.configuration import Configuration
    from support.compute.crew import DaskCrew
    from tests.cluster import Cluster

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as cluster:
        yield cluster


def test_the_settings_of_local_workers_are_those_of_the_file() -> None:
    written = yaml.safe_load((ROOT / "docs" / "dask.yaml").read_text())
    with dask.config.set(LOCAL_SETTINGS):
        ours = {name: dask.config.get(name) for name in LOCAL_SETTINGS}
    assert {name: dask.config.get(name, config=written) for name in LOCAL_SETTINGS} == ours
    assert len(list(leaves(written))) == len(LOCAL_SETTINGS)


def leaves(settings: object) -> Iterator[object]:
    if isinstance(settings, dict):
        for inner in settings.values():
            yield from leaves(inner)
    else:
        yield settings


def test_both_workers_get_parts(pair: DaskCrew) -> None:
    assert len(set(DaskExecutor(pair).run(pid, None, parts(20)))) == 2


def test_a_bank_is_the_same_byte_for_byte(
    pair: DaskCrew, config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(config)
    cases = workspace.load_sanity().cases
    for name, executor in (("here", ThisProcess()), ("there", DaskExecutor(pair))):
        monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / name))
        load_or_build_bank(cases, workspace.recipe, 7, executor)
        shutil.move(next(cache_dir().iterdir()), tmp_path / f"bank-{name}")
    for name in FeatureBank._fields:
        here, there = (tmp_path / f"bank-{at}" / f"{name}.npy" for at in ("here", "there"))
        assert here.read_bytes() == there.read_bytes(), name


@pytest.mark.parametrize("n_allowed", [0, 3])
def test_a_lost_worker_s_parts_and_what_is_shared_go_to_others(
    n_allowed: int, tmp_path: Path
) -> None:
    """Be it that the scheduler gives them up at once (`KilledWorker`) or waits for the worker."""
    settings = {**SETTINGS, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(n_allowed)}
    with (
        running_cluster(tmp_path, 2, settings) as cluster,
        crew_of_scheduler(cluster.url, nothing) as crew,
    ):
        step_until(crew, lambda: len(crew.workers) == 2)
        run = DaskExecutor(crew).run(die_once, str(tmp_path), parts(12))
        assert sorted(run) == list(range(12))
        assert len(crew.workers) == 1


def test_what_kills_every_worker_is_named(tmp_path: Path) -> None:
    """It is, and not a part that only waited behind it."""
    found: list[int] = []
    with local_crew(2, nothing) as crew:
        run = DaskExecutor(crew).run(die_always, "", parts(8))
        with pytest.raises(ComputeError, match=r"^part 3: 4 compute workers have died over this"):
            found.extend(run)
    assert set(found) <= {0, 1, 2, 4, 5, 6, 7}


def test_workers_that_compute_otherwise_get_no_work(cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "engine", other / "engine")
    with (other / "engine" / "rounding.py").open("a") as file:
        file.write("# another engine\n")
    cluster.start_worker(folder=other)
    cluster.start_worker(environment={"DASK_CONFIG": ""})
    said: list[str] = []
    with crew_of_scheduler(cluster.url, said.append) as crew:
        step_until(crew, lambda: len(said) >= 3)
        assert crew.workers == ()
        spill, engine = sorted(
            (line for line in said if "gets no work" in line), key=lambda line: "engine" in line
        )
        own = environment().versions["engine"]
        assert f" there, {own} here" in engine
        assert "distributed.worker.memory.target: false" in spill
        assert "distributed.worker.memory.spill: false" in spill
        assert f"DASK_CONFIG={ROOT / 'docs' / 'dask.yaml'}" in spill
        cluster.start_worker()
        assert list(DaskExecutor(crew).run(double, 0, parts(3), ordered=True)) == [0, 2, 4]
        assert len(crew.workers) == 1
    assert len(said) == len(set(said)) == 3


def test_both_versions_are_named() -> None:
    with dask.config.set(LOCAL_SETTINGS):
        there = environment()
    assert refusal(there) == ""
    there.versions["numpy"] = "1.0"
    assert refusal(there) == f"numpy 1.0 there, {np.__version__} here"


def test_a_late_worker_gets_work_and_nobody_left_is_waited_for(cluster: Cluster) -> None:
    said: list[str] = []
    with crew_of_scheduler(cluster.url, said.append) as crew:
        first = cluster.start_worker()
        run = DaskExecutor(crew).run(pid, None, parts(30))
        assert next(run) == first.pid
        first.kill()
        step_until(crew, lambda: not crew.workers)
        second = cluster.start_worker()
        assert set(run) <= {first.pid, second.pid}
        assert len(crew.workers) == 1
    waited = [line for line in said if "waiting" in line]
    assert waited == said
    assert len(waited) == 2  # at first, and when the first was gone


def test_a_stopped_run_does_not_wait_for_workers(cluster: Cluster) -> None:
    stop: list[bool] = []
    said: list[str] = []
    with crew_of_scheduler(cluster.url, said.append, lambda: bool(stop)) as crew:
        step_until(crew, lambda: bool(said))
        stop.append(True)
        with pytest.raises(KeyboardInterrupt):
            next(DaskExecutor(crew).run(double, 0, parts(3)))


def test_a_lost_scheduler_is_one_line(cluster: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    cluster.start_worker()
    with crew_of_scheduler(cluster.url, nothing) as crew:
        run = DaskExecutor(crew).run(double, 0, parts(10_000))
        next(run)
        cluster.scheduler.kill()
        with pytest.raises(ComputeError, match=r"connection to the scheduler is lost; .*again"):
            list(run)
    assert capfd.readouterr().err == ""


def test_no_scheduler_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "_PATIENCE_S", 1.0)
    with (
        pytest.raises(ComputeError, match=r"^tcp://127.0.0.1:9: no scheduler can be reached"),
        crew_of_scheduler("tcp://127.0.0.1:9", nothing),
    ):
        pass
    assert capfd.readouterr().err == ""


def test_local_workers_are_deaf_to_ctrl_c_and_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    with local_crew(2, nothing) as crew:
        pids = call_all(crew, os.getpid)
        for worker in pids.values():
            os.kill(worker, signal.SIGINT)
        assert set(DaskExecutor(crew).run(pid, None, parts(20))) == set(pids.values())
        os.kill(min(pids.values()), signal.SIGKILL)
        assert len(list(DaskExecutor(crew).run(pid, None, parts(20)))) == 20
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


LOCAL = """
import os
from support.compute.connection import local_crew
if __name__ == "__main__":
    with local_crew(2, print) as crew:
        print(*crew._client.run(os.getpid).values(), flush=True)
        input()
"""


def test_local_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "local.py"
    script.write_text(LOCAL)
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "RADTUNE_CACHE": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in next(parent.stdout).split()]
        assert len(pids) == 2
        parent.kill()
        assert parent.stdout.read() == ""  # until the last that could write to it has ended
    for worker in pids:
        assert not is_running(worker)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_is_ever_scattered() -> None:
    """What was scattered is lost with the worker that holds it."""
    paths = [*(ROOT / "support").rglob("*.py"), *(ROOT / "objectives").rglob("*.py")]
    assert ROOT / "support" / "compute" / "crew.py" in paths
    assert not [path for path in paths if "scatter(" in path.read_text()]
