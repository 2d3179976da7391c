"""Who may reach a scheduler: TLS by Dask's own configuration, and nothing else beyond loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import dask
import pytest
import trustme
import yaml

from support.compute.connection import crew_of_scheduler
from support.compute.executor import DaskExecutor
from support.errors import ComputeError
from tests.cluster import Cluster
from tests.conftest import ROOT
from tests.support_tests.compute_work import double, parts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "url", ["tcp://10.1.2.3:8786", "scheduler.example:8786", "tcp://0.0.0.0:8786", "tcp://host"]
)
def test_an_open_scheduler_elsewhere_is_refused(url: str) -> None:
    with (
        pytest.raises(ComputeError, match=r"use tls://.* or --allow-insecure"),
        crew_of_scheduler(url, print),
    ):
        pass


@pytest.mark.parametrize("url", ["http://host:1", "inproc://1/2/3", "tls://", "ws://localhost:1"])
def test_what_is_no_scheduler_is_refused(url: str) -> None:
    with (
        pytest.raises(ComputeError, match="no scheduler; tls://HOST:8786 is expected"),
        crew_of_scheduler(url, print, allow_insecure=True),
    ):
        pass


def settings_with_tls(folder: Path) -> Path:
    """Write docs/dask.yaml with certificates of an authority of our own."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "one.pem"))
    settings = yaml.safe_load((ROOT / "docs" / "dask.yaml").read_text())
    one = {"cert": str(folder / "one.pem")}
    settings["distributed"]["comm"] = {
        "require-encryption": True,
        "tls": {"ca-file": str(folder / "ca.pem"), "scheduler": one, "worker": one, "client": one},
    }
    path = folder / "dask.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def with_file(path: Path) -> dict[str, object]:
    """Return the configuration of a process that was started with this file."""
    merged: dict[str, object] = dask.config.merge(
        dask.config.config, yaml.safe_load(path.read_text())
    )
    return merged


@pytest.mark.process
@pytest.mark.timeout(120)
def test_tls_is_set_up_by_a_file_of_dask(tmp_path: Path) -> None:
    settings = settings_with_tls(tmp_path)
    cluster = Cluster(tmp_path, {"DASK_CONFIG": str(settings)})
    try:
        cluster.start_scheduler(host="tls://127.0.0.1")
        cluster.start_worker()
        assert cluster.url.startswith("tls://")
        with (
            dask.config.set(with_file(settings)),
            crew_of_scheduler(cluster.url, print) as crew,
        ):
            found = DaskExecutor(crew).run(double, 0, parts(3), ordered=True)
            assert list(found) == [0, 2, 4]
            assert all(worker.startswith("tls://") for worker in crew.workers)
        with (
            pytest.raises(ComputeError, match=r"no scheduler can be reached \(.*TLS"),
            crew_of_scheduler(cluster.url, print),
        ):
            pass
        stranger = tmp_path / "stranger"
        stranger.mkdir()
        with (
            dask.config.set(with_file(settings_with_tls(stranger))),
            pytest.raises(ComputeError, match="no scheduler can be reached"),
            crew_of_scheduler(cluster.url, print),
        ):
            pass
    finally:
        cluster.stop()


WITHOUT_DASK = """
import sys
sys.modules["dask"] = sys.modules["distributed"] = None
from scripts.run_training import main
main()
"""


@pytest.mark.process
@pytest.mark.timeout(120)
def test_without_dask_a_scheduler_is_one_line_and_the_rest_works(tmp_path: Path) -> None:
    records = tmp_path / "names.csv"
    records.write_text("exam_name,modality\nXR KNEE LT,XR\n")
    command = [sys.executable, "-c", WITHOUT_DASK, "map", "--input", str(records)]
    command += ["--output", str(tmp_path / "answers.csv")]
    environment = {**os.environ, "RADTUNE_CACHE": str(tmp_path / "cache")}
    there = subprocess.run(
        [*command, "--scheduler", "tcp://127.0.0.1:9"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert there.stderr == "radtune: error: this needs Dask: pip install radtune[dask]\n"
    assert there.returncode == 6
    here = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert here.returncode == 0, here.stderr
