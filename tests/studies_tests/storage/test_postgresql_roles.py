"""What ``docs/postgresql.md`` promises of roles and TLS, with the files that it hands out."""

from __future__ import annotations

import gc
import shutil
import subprocess
import urllib.error
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import optuna
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from benchmarks.postgres_server import find
from objectives.training.sessions import SessionIdentity, SessionStore
from studies.storage.database import open_existing, open_storage
from studies.storage.study_table import make_table
from support.errors import StudyError
from tests.conftest import ROOT
from tests.objectives_tests.training.test_sessions import MEASURED, PERFORMANCE, RESULT
from tests.postgres import running_server
from tests.scripts_tests.browsing import LOG, dashboard
from tests.studies_tests.test_coordinator import Setup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from objectives.configuration import Configuration
    from tests.conftest import MakeBank
    from tests.postgres import Server

pytestmark = [pytest.mark.process, pytest.mark.postgres]

FILES = ROOT / "docs" / "postgresql"
HOST = "localhost"
PASSWORDS = {f"radtune_{role}": f"s3cr3t-{role}" for role in ("owner", "worker", "reader")}
DATABASE = "radtune"
SESSION = SessionIdentity("nightly", "d", "c", "e")
N_TRIALS = 12


class Site(NamedTuple):
    """A server that is set up as the document says, over TLS."""

    server: Server
    certificates: Path

    def url(self, role: str, ca: str = "ca.crt", **query: str) -> str:
        user = f"radtune_{role}"
        options = {"sslmode": "verify-full", "sslrootcert": str(self.certificates / ca)}
        return sa.URL.create(
            "postgresql+psycopg", user, PASSWORDS[user], HOST, self.server.tcp_port, DATABASE,
            options | query,
        ).render_as_string(hide_password=False)  # fmt: skip

    def as_administrator(self, *statements: str, database: str = DATABASE) -> None:
        execute(self.server.url(database), *statements)


def execute(url: str, *statements: str) -> None:
    with connected(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_server(tcp_port=0) as server:
        site = Site(server, tmp_path_factory.mktemp("certificates"))
        run_roles(server)
        passwords = [f"ALTER ROLE {role} PASSWORD '{word}'" for role, word in PASSWORDS.items()]
        site.as_administrator(*passwords)
        switch_tls_on(site)
        storage = open_storage(site.url("owner"))
        optuna.create_study(storage=storage, study_name="first")
        make_table(storage.engine)
        storage.engine.dispose()
        with SessionStore(site.url("owner")) as store:
            store.open(SessionIdentity("first", "d", "c", "e"), 10, 0, resume=True)
        yield site


def run_roles(server: Server) -> None:
    initdb = find("initdb")
    assert initdb
    psql = shutil.which("psql") or str(initdb.with_name("psql"))
    url = server.url().replace("+psycopg", "")
    script = str(FILES / "roles.sql")
    subprocess.run(
        [psql, url, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", script],
        check=True,
    )


def switch_tls_on(site: Site) -> None:
    make_certificates(site.certificates)
    for name in ("server.crt", "server.key"):
        site.server.write(name, (site.certificates / name).read_text(encoding="utf-8"))
    rules = (FILES / "pg_hba.conf").read_text(encoding="utf-8")
    assert rules.count("10.1.0.0/16") == 1
    ours = rules.replace("10.1.0.0/16", "127.0.0.1/32") + "local all all trust\n"
    site.server.write("pg_hba.conf", ours)
    site.as_administrator("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")


def make_certificates(folder: Path) -> None:
    script = str(FILES / "certificates.sh")
    subprocess.run(["sh", script, HOST], cwd=folder, check=True, capture_output=True)


def test_a_worker_runs_a_study(
    site: Site, config: Configuration, make_bank: MakeBank, tmp_path: Path
) -> None:
    with closing(Setup(tmp_path, config, make_bank)) as setup:
        setup.url = site.url("worker")
        ran = setup.run(N_TRIALS, "workers", strategy="random_search")
        assert ran.reason == f"all {N_TRIALS} trials done"
    reader = open_existing(site.url("reader"))
    read = optuna.load_study(storage=reader, study_name="workers")
    assert len(read.get_trials()) == N_TRIALS
    reader.engine.dispose()


def test_a_worker_works_on_sessions(site: Site) -> None:
    with SessionStore(site.url("worker")) as store:
        session = store.open(SESSION, 10, 0, resume=True).session_id
        store.write_block(session, 0, [RESULT] * 4, 1.0)
        store.interrupt(session, 1.0)
    with SessionStore(site.url("worker")) as store:
        assert store.open(SESSION, 10, 0, resume=True).session_id == session
        store.write_block(session, 4, [RESULT] * 6, 2.0)
        store.finish(session, MEASURED, [PERFORMANCE])
        assert len(store.read_results(session, range(10))) == 10


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("worker", "CREATE TABLE own (id integer)"),
        ("worker", "CREATE SCHEMA own"),
        ("worker", "CREATE TEMPORARY TABLE own (id integer)"),
        ("worker", "CREATE ROLE own"),
        ("worker", "DROP TABLE trials"),
        ("worker", "TRUNCATE trials CASCADE"),
        ("worker", "COPY (SELECT 1) TO PROGRAM 'true'"),
        ("reader", "DELETE FROM studies"),
        ("reader", "UPDATE trials SET state = 'FAIL'"),
        ("owner", "CREATE ROLE own"),
    ],
)
def test_a_role_may_do_no_more_than_it_needs(site: Site, role: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be (owner|superuser)"):
        execute(site.url(role), statement)


def test_a_table_that_comes_later_is_granted_too(site: Site) -> None:
    execute(site.url("owner"), "CREATE TABLE later (id serial PRIMARY KEY, word text)")
    execute(site.url("worker"), "INSERT INTO later (word) VALUES ('x')", "DELETE FROM later")
    execute(site.url("reader"), "SELECT * FROM later")
    execute(site.url("owner"), "DROP TABLE later")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_worker_who_comes_before_the_owner_is_told_who_must_come_first(site: Site) -> None:
    site.as_administrator("CREATE DATABASE empty", database="postgres")
    site.as_administrator("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database="empty")
    socket = sa.make_url(site.server.url("empty"))
    url = socket.set(username="radtune_worker").render_as_string()
    said = r"permission denied for schema public.*; its owner runs the same once"
    with pytest.raises(StudyError, match=said):
        open_storage(url)
    gc.collect()  # Optuna's storage keeps its connection when it cannot be made
    with SessionStore(url) as store, pytest.raises(StudyError, match=said):
        store.open(SESSION, 10, 1, resume=True)


def test_a_reader_is_told_what_it_may_not(site: Site) -> None:
    with (
        SessionStore(site.url("reader")) as store,
        pytest.raises(StudyError, match=r"permission denied for .*; its owner"),
    ):
        store.open(SESSION, 10, 1, resume=False)


def test_a_reader_browses_and_deletes_nothing(site: Site, tmp_path: Path) -> None:
    with dashboard(site.url("reader"), tmp_path, {}) as page:
        studies = page("/api/studies")
        assert '"study_name": "first"' in studies
        with pytest.raises(urllib.error.HTTPError, match="500"):
            page("/api/studies/1", "DELETE")
        assert page("/api/studies") == studies
    assert "StorageInternalError" in (tmp_path / LOG).read_text(encoding="utf-8")


def test_what_a_dead_client_held_is_let_go(site: Site) -> None:
    with connected(site.url("worker")) as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout")
        }
    assert shown == {
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_user_timeout": "60000",
    }


def test_a_connection_to_the_right_server_is_encrypted(site: Site) -> None:
    with connected(site.url("worker")) as connection:
        statement = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        is_encrypted, version = connection.exec_driver_sql(statement).one()
    assert is_encrypted
    assert version == "TLSv1.3"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ca": "other/ca.crt"}, "certificate verify failed"),
        ({"ca": "missing.crt"}, 'root certificate file ".*missing.crt" does not exist'),
        ({"host": "127.0.0.1"}, 'does not match host name "127.0.0.1"'),
        ({"sslmode": "disable"}, "no pg_hba.conf entry for host .*, no encryption"),
        ({"password": "wrong"}, "password authentication failed"),
    ],
)
def test_any_other_connection_is_refused_in_one_line(
    site: Site, change: dict[str, str], said: str
) -> None:
    other = site.certificates / "other"
    if not other.exists():
        other.mkdir()
        make_certificates(other)
    url = site.url("worker", **change)
    with pytest.raises(StudyError, match=said) as refused:
        open_storage(url)
    assert "\n" not in str(refused.value)
    assert not any(word in str(refused.value) for word in PASSWORDS.values())


def test_a_password_may_stand_in_a_file_or_the_environment(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sa.make_url(site.url("worker"))._replace(password=None).render_as_string()
    with pytest.raises(StudyError, match="no password supplied"):
        open_storage(url)
    monkeypatch.setenv("PGPASSWORD", PASSWORDS["radtune_worker"])
    open_storage(url).engine.dispose()
    monkeypatch.delenv("PGPASSWORD")
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"{HOST}:*:{DATABASE}:radtune_worker:{PASSWORDS['radtune_worker']}\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    open_storage(url).engine.dispose()
