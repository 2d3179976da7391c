"""``radtune postgres``: a server that is gone when the command is."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.postgres import need_server
from tests.scripts_tests.conftest import COMMAND

pytestmark = [pytest.mark.process, pytest.mark.postgres]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    need_server()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_and_takes_everything_away(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "postgres"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as command:
        assert command.stdout
        said = ""
        for line in command.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        urls = re.findall(r"'(postgresql\+psycopg://radtune@.*)'", said)
        assert len(urls) == 2, said
        for url in urls:
            engine = sa.create_engine(url)
            with engine.connect() as connection:
                assert connection.scalar(sa.text("SELECT current_database()")) == "radtune"
                assert connection.scalar(sa.text("SHOW fsync")) == "on"
            engine.dispose()
        folder = Path(str(sa.make_url(urls[1]).query["host"]))
        password = (folder / "pgpass").read_text(encoding="utf-8").strip().rsplit(":", 1)[1]
        command.send_signal(number)
        said += "".join(command.communicate())
    assert command.returncode == 0
    assert "everything in it are gone" in said
    assert password not in said
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sa.make_url(urls[0]).port or 0))


def test_a_server_that_dies_is_one_line() -> None:
    with subprocess.Popen(
        [*COMMAND, "postgres"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout
        said = ""
        while "Ctrl-C" not in said:
            said += command.stdout.readline()
        (host,) = set(re.findall(r"host=([^&]+)&", said))
        pid = int((Path(host) / "cluster" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        _, stderr = command.communicate()
    assert command.returncode == 1
    assert stderr.splitlines()[-1] == ("radtune: error: the PostgreSQL server has ended by itself")
    assert not Path(host).exists()


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [*COMMAND, "postgres", "--port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith(
        "radtune: error: the PostgreSQL server does not start"
    )
    assert len(done.stderr.splitlines()) == 2
