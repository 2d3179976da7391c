"""The verbs over compute workers: the same files, whatever ends in between."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.cluster import SETTINGS, running_cluster
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.scripts_tests.conftest import Cli

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

TIMES = {"session_id", "total_processing_time_s", "cases_per_s", "log"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path, 2) as cluster:
        yield cluster


def many_names(cli: Cli, n_names: int) -> str:
    lines = [f"{i},CT Head {i % 400},CT" for i in range(n_names)]
    return cli.write("in.csv", "\n".join(["row,exam_name,modality", *lines, ""]))


def test_a_mapped_file_is_the_same_and_nothing_else_is_said(cli: Cli, cluster: Cluster) -> None:
    names = many_names(cli, 4100)
    assert cli("map", "--input", names, "--output", "here.csv").code == 0
    there = cli(
        "map", "--input", names, "--output", "there.csv", DASK_SCHEDULER_ADDRESS=cluster.url
    )
    assert there.code == 0
    assert there.stderr == ""
    assert (cli.folder / "there.csv").read_bytes() == (cli.folder / "here.csv").read_bytes()


def test_training_is_the_same_though_a_worker_dies(
    cli: Cli, cluster: Cluster, tmp_path: Path
) -> None:
    options = ("train", "--json", "--dataset-dir", str(cli.data), "--chunk-size", "50")
    here = cli(*options, RADTUNE_CACHE=str(tmp_path / "here")).document
    over_workers = ("--scheduler", cluster.url, "--no-resume")
    own = {**SETTINGS, "RADTUNE_CACHE": str(tmp_path / "there")}
    running = cli.start(*options, *over_workers, output=subprocess.PIPE, **own)
    assert running.stderr
    said = [next(running.stderr)]
    cluster.kill_one()
    stdout, stderr = running.communicate()
    assert running.returncode == 0, stderr
    said += stderr.splitlines()
    assert all(line.startswith(("facts of ", "configuration: ")) for line in said), said
    there = json.loads(stdout)
    assert {k: v for k, v in there.items() if k not in TIMES} == {
        k: v for k, v in here.items() if k not in TIMES
    }


def test_a_lost_scheduler_is_one_line_and_the_run_goes_on_with_another(
    cli: Cli, cluster: Cluster, tmp_path: Path
) -> None:
    options = ("map", "--input", many_names(cli, 9000), "--output", "out.csv")
    running = cli.start(*options, "--scheduler", cluster.url, output=subprocess.PIPE, **SETTINGS)
    state = cli.folder / "out.csv.partial.json"
    while running.poll() is None:
        if state.exists() and json.loads(state.read_text())["n_records"] >= 2000:
            cluster.scheduler.kill()
            break
        time.sleep(0.01)
    _, stderr = running.communicate()
    assert running.returncode == 6, stderr
    (line,) = stderr.splitlines()
    assert line.startswith("radtune: error: tcp://")
    assert "the connection to the scheduler is lost" in line
    again = cli(*options, "--scheduler", cluster.url, "--resume")
    assert again.code == 6
    assert "no scheduler can be reached" in again.error
    n_written = json.loads(state.read_text())["n_records"]
    second = tmp_path / "second"
    second.mkdir()
    with running_cluster(second, 2) as other:
        resumed = cli(*options, "--scheduler", other.url, "--resume", "--json")
    assert resumed.document["n_resumed"] == n_written >= 2000
    assert cli(*options[:3], "--output", "whole.csv").code == 0
    whole = (cli.folder / "whole.csv").read_bytes()
    assert (cli.folder / "out.csv").read_bytes() == whole


def test_a_calibration_is_the_same(cli: Cli, cluster: Cluster, tmp_path: Path) -> None:
    written = []
    for place, options in (("here", ()), ("there", ("--scheduler", cluster.url))):
        path = cli.write(f"{place}.yaml", (ROOT / "config.yaml").read_text())
        ran = cli(
            "calibrate",
            "--config",
            path,
            "--dataset-dir",
            str(cli.data),
            *options,
            RADTUNE_CACHE=str(tmp_path / place),
        )
        assert ran.code == 0, ran.stderr
        written.append((cli.folder / f"{place}.yaml").read_bytes())
    assert written[0] == written[1]
