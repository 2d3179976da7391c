"""``radtune dashboard``: on this machine only, its errors in one line, its password hidden."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pytest
import sqlalchemy as sa

from studies.dashboard import is_this_machine_only
from studies.storage.database import open_storage
from tests.conftest import ROOT
from tests.scripts_tests.browsing import LOG, dashboard

if TYPE_CHECKING:
    from tests.postgres import Server
    from tests.scripts_tests.conftest import Cli

SECRET = "s3cr3t"  # noqa: S105 - made up
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc or 127.0.0.2")


@pytest.fixture
def study(tmp_path: Path) -> str:
    """Return the URL of a database with a study."""
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    make_study(url)
    return url


def make_study(url: str) -> None:
    storage = open_storage(url)
    optuna.create_study(storage=storage, study_name="mine")
    storage.engine.dispose()


@pytest.mark.process
@LINUX_ONLY
def test_it_answers_on_this_machine_only_and_ends_on_ctrl_c(study: str, tmp_path: Path) -> None:
    with dashboard(study, tmp_path, {}) as page:
        assert "mine" in page("/api/studies")
        with pytest.raises(ConnectionRefusedError):  # every 127.x.x.x is this machine, too
            socket.create_connection(("127.0.0.2", page.port))
        page.server.send_signal(signal.SIGINT)
        assert page.server.wait() == 0
    log = (tmp_path / LOG).read_text(encoding="utf-8")
    assert f"studies of {study}: http://127.0.0.1:{page.port}/" in log
    assert "Traceback" not in log
    assert "log-in" not in log


@pytest.mark.process
@LINUX_ONLY
def test_an_open_host_is_warned_of(study: str, tmp_path: Path) -> None:
    with dashboard(study, tmp_path, {}, "--host", "0.0.0.0") as page:  # noqa: S104 - for a moment
        page("/api/studies")
        socket.create_connection(("127.0.0.2", page.port)).close()
    log = (tmp_path / LOG).read_text(encoding="utf-8")
    assert "no log-in" in log
    assert "delete studies" in log


@pytest.mark.process
@LINUX_ONLY
def test_its_password_is_in_no_log_and_in_no_argument(postgres: Server, tmp_path: Path) -> None:
    plain = postgres.new_database()
    make_study(plain)
    url = sa.make_url(plain).set(password=SECRET).render_as_string(hide_password=False)
    with dashboard(url, tmp_path, {}) as page:
        assert "mine" in page("/api/studies")
        arguments = Path(f"/proc/{page.server.pid}/cmdline").read_bytes().decode()
        assert "dashboard" in arguments
        assert SECRET not in arguments
        database = sa.make_url(plain).database
        engine = sa.create_engine(postgres.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {database} WITH (FORCE)")
        engine.dispose()
        with pytest.raises(urllib.error.HTTPError):
            page("/api/studies")
    log = (tmp_path / LOG).read_text(encoding="utf-8")
    assert "radtune:***@" in log
    assert "StorageInternalError" in log  # the traceback of the last request
    assert SECRET not in log


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("sqlite:///missing.db", "sqlite:///missing.db: holds no studies; run `make optimize`"),
        ("sqlite://", "holds no studies"),
        (f"postgresql+psycopg://me:{SECRET}@/db?host=/no/such/folder", "cannot be used"),
        (f"nosuchdb://me:{SECRET}@host/db", "no storage URL that can be opened"),
    ],
)
def test_what_cannot_be_browsed_is_one_line(cli: Cli, storage: str, said: str) -> None:
    ran = cli("dashboard", "--port", "0", OPTUNA_STORAGE=storage)
    assert said in ran.error
    assert SECRET not in ran.error
    assert cli.files() == []


def test_an_empty_server_is_left_empty(cli: Cli, postgres: Server) -> None:
    url = postgres.new_database()
    assert "holds no studies" in cli("dashboard", OPTUNA_STORAGE=url).error
    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_taken_port_is_one_line(cli: Cli, study: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = cli("dashboard", "--port", port, OPTUNA_STORAGE=study)
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in ran.error


@pytest.mark.parametrize(
    ("host", "is_closed"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing listens
        ("192.0.2.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_open_hosts_are_told_apart(host: str, is_closed: bool) -> None:
    assert is_this_machine_only(host) is is_closed


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "host"), [((), "127.0.0.1"), (("HOST=192.0.2.1",), "192.0.2.1")]
)
def test_make_dashboard_opens_only_what_its_arguments_say(
    arguments: tuple[str, ...], host: str
) -> None:
    storage = f"STORAGE=postgresql+psycopg://me:{SECRET}@host/db"
    done = subprocess.run(
        ["make", "--dry-run", "dashboard", storage, *arguments],
        cwd=ROOT,
        env={**os.environ, "HOST": "0.0.0.0", "PORT": "1"},  # noqa: S104 - some shells export one
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"dashboard --host {host} --port 8080" in done.stdout
    assert SECRET not in done.stdout + done.stderr
