"""The short form of ``make test-faults``: studies are disturbed, no trial is lost or double."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults_compute import Cluster, ComputeFaults
from benchmarks.faults_ground import FaultError, Witness
from benchmarks.faults_outages import (
    BANK,
    CLUSTER,
    cut_connections,
    stop_one,
    stop_server,
    stop_while_away,
)
from benchmarks.faults_owners import cut_off, kill_coordinators, start_at_once
from benchmarks.postgres_server import PostgresServer
from tests.postgres import need_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.faults_ground import Ground
    from tests.postgres import Server

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(600)]
N_KILLS = 3


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    need_server()
    with PostgresServer() as server:
        yield server


def test_another_process_goes_on_with_the_study_of_a_killed_one(ground: Ground) -> None:
    tally = kill_coordinators(ground, ground.sqlite("kills"), N_KILLS, strategies=["tpe"])
    assert tally["kills"] == N_KILLS


@pytest.mark.postgres
def test_so_it_does_on_postgresql(ground: Ground, postgres: Server) -> None:
    tally = kill_coordinators(ground, postgres.new_database(), N_KILLS, strategies=["tpe"])
    assert tally["kills"] == N_KILLS


@pytest.mark.postgres
@pytest.mark.parametrize("is_held", [False, True])
def test_one_process_goes_on_when_connections_are_cut(
    ground: Ground, postgres: Server, is_held: bool
) -> None:
    found = cut_off(ground, postgres.new_database(), is_held=is_held)
    assert found["went on"] != "it itself" or not is_held


@pytest.mark.postgres
def test_workers_outlast_an_outage(ground: Ground, own_server: PostgresServer) -> None:
    stop_server(ground, own_server, 3, "immediate")
    cut_connections(ground, own_server, 3)


@pytest.mark.postgres
def test_a_worker_that_waits_for_a_server_can_be_stopped(
    ground: Ground, own_server: PostgresServer
) -> None:
    stop_while_away(ground, own_server)


@pytest.mark.postgres
def test_one_of_several_programs_runs_a_new_study(ground: Ground, postgres: Server) -> None:
    start_at_once(ground, ground.sqlite("starts"), n_programs=3)
    start_at_once(ground, postgres.new_database(), n_programs=3)


@pytest.mark.parametrize("moment", [BANK, CLUSTER])
def test_no_helper_outlives_a_program_that_is_killed(
    ground: Ground, tmp_path: Path, moment: str
) -> None:
    url = f"sqlite:///{tmp_path}/killed.db"
    stop_one(ground, url, signal.SIGKILL, "optimize", moment)


def test_runs_outlast_killed_compute_workers(ground: Ground) -> None:
    with Cluster(ground) as cluster:
        faults = ComputeFaults(ground, cluster)
        for kind in faults.kinds:
            assert faults.kill_workers(kind, 1)["kills"] == 1
        faults.kill_scheduler("trials")


def test_a_witness_misses_no_trial(ground: Ground) -> None:
    trials = ground.expected("tpe", 10)
    with Witness(ground.sqlite("undisturbed-tpe"), "tpe") as witness:
        witness.look()
        witness.trials[3] = witness.trials[2]
        with pytest.raises(FaultError, match="were lost, or have changed"):
            witness.look()
        witness.trials = []
        with pytest.raises(FaultError, match="trial 3 is not the same"):
            witness.check([*trials[:3], *trials[2:]])
