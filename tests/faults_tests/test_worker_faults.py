"""The short form of ``make test-faults``: workers are disturbed, no trial is lost or double."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults_ground import STARTING, Ground
from benchmarks.faults_kills import kill_workers
from benchmarks.faults_outages import stop_server, stop_while_away
from benchmarks.faults_signals import start_at_once, stop_optimize
from studies.postgres_server import PostgresServer
from tests.postgres import need_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Server


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("ground"), n_records_per_site=30)


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    need_server()
    with PostgresServer() as server:
        yield server


def test_killed_workers_lose_nothing(ground: Ground) -> None:
    tally = kill_workers(ground, ground.sqlite("kills"), 2, n_trials=100, n_workers=2)
    assert tally.spots.total() - tally.spots[STARTING] == 2


def test_nor_do_they_on_postgresql(ground: Ground, postgres: Server) -> None:
    tally = kill_workers(ground, postgres.new_database(), 2, n_trials=100, n_workers=2)
    assert tally.spots.total() - tally.spots[STARTING] == 2


def test_workers_wait_for_a_server_that_is_away(
    ground: Ground, own_server: PostgresServer
) -> None:
    outage = stop_server(ground, own_server, 3, "immediate", n_workers=2)
    assert outage.n_trials > outage.n_before


def test_a_worker_that_waits_for_a_server_can_be_stopped(
    ground: Ground, own_server: PostgresServer
) -> None:
    stop_while_away(ground, own_server)


def test_programs_that_start_one_new_study_at_once_share_it(
    ground: Ground, postgres: Server
) -> None:
    start_at_once(ground, ground.sqlite("starts"), n_programs=2, n_trials=30)
    start_at_once(ground, postgres.new_database(), n_programs=2, n_trials=30)


def test_no_helper_outlives_a_program_that_is_killed_while_it_starts(ground: Ground) -> None:
    stop_optimize(ground, ground.sqlite("killed"), signal.SIGKILL, early=True)
