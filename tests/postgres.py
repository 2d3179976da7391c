"""A PostgreSQL server for tests: a cluster of its own, reached through a socket in its folder."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks.postgres_server import PostgresServer as Server
from benchmarks.postgres_server import find

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["REQUIRED", "Server", "need_server", "running_server"]

REQUIRED = "RADTUNE_REQUIRE_POSTGRES"


@contextmanager
def running_server(tcp_port: int | None = None) -> Iterator[Server]:
    """Start a server and stop it."""
    need_server()
    # The tests kill clients, never the machine: nothing has to be on the disk.
    with Server(tcp_port=tcp_port, fsync=False) as server:
        yield server


def need_server() -> None:
    """Skip the test where no server is installed; in CI it fails."""
    if find("initdb") is None:
        reason = "no PostgreSQL server here: install the package 'postgresql'"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason} ({REQUIRED} is set)")
        pytest.skip(reason)
