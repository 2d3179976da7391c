"""Run the dashboard as ``make dashboard`` does, and fetch its pages."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.scripts_tests.conftest import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOG = "dashboard.log"
PATIENCE_S = 120.0


class Page:
    """Fetches pages of a server on this machine, without any proxy."""

    def __init__(self, server: subprocess.Popen[bytes], port: int) -> None:
        self.server = server
        self.port = port
        self._root = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, path: str, method: str = "GET") -> str:
        latest = time.monotonic() + PATIENCE_S
        request = urllib.request.Request(self._root + path, method=method)  # noqa: S310 - http
        while True:
            try:
                with self._opener.open(request, timeout=PATIENCE_S) as response:
                    assert response.url.startswith(self._root)
                    return str(response.read().decode("utf-8"))
            except urllib.error.HTTPError:
                raise
            except urllib.error.URLError:  # it does not listen yet
                assert time.monotonic() < latest, "the dashboard does not answer"
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"the dashboard ended with {self.server.wait(timeout=0.05)}")


@contextlib.contextmanager
def dashboard(
    storage: str, folder: Path, environment: Mapping[str, str], *options: str
) -> Iterator[Page]:
    """Run the dashboard on a free port; what it says goes to `LOG` in the folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        (folder / LOG).open("wb") as log,
        subprocess.Popen(
            [*COMMAND, "dashboard", "--port", str(port), *options],
            cwd=folder,
            env={**os.environ, **environment, "OPTUNA_STORAGE": storage},
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            yield Page(server, port)
        finally:
            server.terminate()
