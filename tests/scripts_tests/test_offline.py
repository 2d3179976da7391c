"""Nothing is sent anywhere: the verbs and the dashboard run with outgoing sockets forbidden.

The guard sees what Python does with sockets, in every process that a command starts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from exchange.maps.mapping import _CHUNK
from tests.scripts_tests.browsing import dashboard

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli

pytestmark = pytest.mark.process

# Python imports a module of this name at its start, before any code of a command. Attempts are
# also written down: code that swallows the error is still caught.
SITECUSTOMIZE = """
import os, sys

def note(line):
    with open(os.environ["SOCKET_LOG"], "a") as log:
        log.write(line + "\\n")

def forbid(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path: a unix socket
    elif event == "socket.getnameinfo":
        host = arguments[0][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    if host not in (None, "", "localhost", b"localhost", "127.0.0.1", b"127.0.0.1", "::1"):
        note(f"sent {event} {arguments[1:]}")
        raise PermissionError(f"{event} to {host!r} is forbidden")

note("began")
sys.addaudithook(forbid)
"""
SENDING = """
import socket

def send(call):
    try:
        call()
    except PermissionError as error:
        print(error)

send(lambda: socket.create_connection(("192.0.2.1", 9), timeout=1))
send(lambda: socket.socket().connect(("192.0.2.1", 9)))
send(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9)))
send(lambda: socket.getaddrinfo("example.org", 80))
send(lambda: socket.gethostbyname("example.org"))
listening = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listening.getsockname()).close()
print("loopback works")
"""
# The name of the picture format, which no browser fetches; every other absolute URL has a host.
NAMESPACE = "http://www.w3.org/2000/svg"
FOREIGN = re.compile(r"(?:https?:)?//\w[^\s\"']*")


class Guard(NamedTuple):
    """Forbids outgoing sockets in the processes that get its environment."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder), "SOCKET_LOG": str(self.folder / "log")}

    def _lines(self) -> list[str]:
        return (self.folder / "log").read_text(encoding="utf-8").splitlines()

    @property
    def attempts(self) -> list[str]:
        return [line for line in self._lines() if line.startswith("sent ")]

    @property
    def n_processes(self) -> int:
        return self._lines().count("began")


@pytest.fixture
def guard(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    return Guard(folder)


def test_the_guard_forbids_what_it_should(guard: Guard) -> None:
    sending = subprocess.run(
        [sys.executable, "-c", SENDING],
        env={**os.environ, **guard.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    *forbidden, last = sending.stdout.splitlines()
    assert last == "loopback works"
    events = [line.split()[1] for line in guard.attempts]
    assert [line.split()[0] for line in forbidden] == events
    assert set(events) == {
        f"socket.{name}" for name in ("connect", "sendto", "getaddrinfo", "gethostbyname")
    }
    assert len(events) == 5


def test_tuning_and_browsing_the_study_send_nothing(process_cli: Cli, guard: Guard) -> None:
    storage = "sqlite:///study.db"
    ran = process_cli(
        *("optimize", "--dataset-dir", str(process_cli.data), "--max-experiments", "4", "--json"),
        **guard.environment,
        OPTUNA_STORAGE=storage,
        LOKY_MAX_CPU_COUNT="2",
    )
    assert ran.document["n_trials"] == 4, ran.stderr
    assert guard.n_processes >= 1
    n_before = guard.n_processes
    with dashboard(storage, process_cli.folder, guard.environment) as page:
        start = page("/")
        assert FOREIGN.findall(start.replace(NAMESPACE, "")) == []
        (script,) = re.findall(r'<script[^>]* src="([^"]+)"', start)
        assert page(script)
        assert ran.document["study_name"] in page("/api/studies")
    assert guard.n_processes > n_before
    assert guard.attempts == []


def test_mapping_with_two_workers_sends_nothing(process_cli: Cli, guard: Guard) -> None:
    (path, *_) = sorted(process_cli.data.glob("*.json"))
    names = [record["EXAM_NAME"] for record in json.loads(path.read_text(encoding="utf-8"))]
    n_records = 2 * _CHUNK + 1  # fewer chunks than workers are mapped in one process
    records = [{"exam_name": names[i % len(names)]} for i in range(n_records)]
    ran = process_cli(
        *(
            "map",
            "--input",
            process_cli.write("in.json", records),
            "--output",
            "out.csv",
            "--json",
        ),
        *("--max-workers", "2"),
        **guard.environment,
        LOKY_MAX_CPU_COUNT="2",
    )
    assert ran.document["n_records"] == n_records, ran.stderr
    if (os.cpu_count() or 1) > 1:
        assert guard.n_processes >= 3
    assert guard.attempts == []
