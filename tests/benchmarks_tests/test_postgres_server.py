from __future__ import annotations

import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from benchmarks.postgres_server import PostgresServer, PostgresServerError
from tests.conftest import ROOT
from tests.postgres import need_server, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_server(tcp_port=0) as server:
        yield server


def run(url: str | sa.URL, statement: str) -> list[object]:
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            answer = connection.exec_driver_sql(statement)
            return [row[0] for row in answer] if answer.returns_rows else []
    finally:
        engine.dispose()


def scalar(url: str | sa.URL, statement: str) -> object:
    (answer,) = run(url, statement)
    return answer


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_stopped_server_goes_on_with_its_data(
    server: PostgresServer, mode: Literal["fast", "immediate"]
) -> None:
    url = server.new_database(over_tcp=True)
    run(url, "CREATE TABLE kept AS SELECT 7 AS n")
    server.stop(mode)
    try:
        assert not server.is_running
        with pytest.raises(PostgresServerError, match="has ended"):
            server.check_running()
        with pytest.raises(OperationalError):
            scalar(url, "SELECT 1")
    finally:
        server.start()
    server.check_running()
    assert scalar(url, "SELECT n FROM kept") == 7


@pytest.mark.postgres
def test_tcp_needs_the_password_and_the_folder_is_closed(server: PostgresServer) -> None:
    url = server.new_database(over_tcp=True)
    assert scalar(url, "SHOW listen_addresses") == "127.0.0.1"
    parsed = sa.make_url(url)
    for password in (None, "wrong"):
        with pytest.raises(OperationalError, match="password"):
            scalar(parsed.set(query={}, password=password), "SELECT 1")
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    passfile = server.folder / "pgpass"
    assert parsed.query["passfile"] == str(passfile)
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
    assert passfile.read_text(encoding="utf-8").rsplit(":", 1)[1].strip() not in url


@pytest.mark.postgres
def test_the_socket_is_found_whatever_the_environment_says(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    assert scalar(server.new_database(), "SHOW server_encoding") == "UTF8"
    assert scalar(server.new_database('my "own" base'), "SELECT current_database()") == (
        'my "own" base'
    )


@pytest.mark.postgres
def test_a_port_that_is_taken_is_one_line_and_leaves_nothing(server: PostgresServer) -> None:
    there = sorted(server.folder.parent.glob("radtune-pg-*"))
    taken = PostgresServer(tcp_port=server.tcp_port)
    with pytest.raises(PostgresServerError, match=r"does not start .*in use") as refused, taken:
        pass
    assert "\n" not in str(refused.value)
    assert sorted(server.folder.parent.glob("radtune-pg-*")) == there


@pytest.mark.postgres
def test_the_end_leaves_no_folder_and_no_process() -> None:
    with running_server(tcp_port=0) as server:
        assert answers(server.tcp_port)
    assert not server.folder.exists()
    assert not answers(server.tcp_port)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_without_a_server_installed_it_is_said_how_to_install_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.postgres_server.find", lambda program: None)
    with pytest.raises(PostgresServerError, match="apt-get install postgresql"), PostgresServer():
        pass


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_server_for_a_try_and_removes_everything(number: signal.Signals) -> None:
    need_server()
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.postgres_server"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout
        said = ""
        for line in command.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        over_tcp, over_socket = re.findall(r"'(postgresql\+psycopg://radtune@.*)'", said)
        assert scalar(over_tcp, "SELECT current_database()") == "radtune"
        assert scalar(over_socket, "SHOW fsync") == "on"
        folder = Path(str(sa.make_url(over_socket).query["host"]))
        password = (folder / "pgpass").read_text(encoding="utf-8").strip().rsplit(":", 1)[1]
        command.send_signal(number)
        said += "".join(command.communicate())
    assert command.returncode == 0
    assert password not in said
    assert not folder.exists()


@pytest.mark.process
def test_a_taken_port_is_one_line() -> None:
    need_server()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.postgres_server",
                "--port",
                str(taken.getsockname()[1]),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the PostgreSQL server does not start")
