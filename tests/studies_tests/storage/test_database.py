from __future__ import annotations

import gc
import pickle
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import optuna
import pytest
import sqlalchemy as sa

from objectives.training.session_schema import check_sessions
from objectives.training.sessions import SessionIdentity, SessionStore
from studies.storage.database import open_existing, open_storage
from support.databases import Holds, check_database, shown_url
from support.errors import StudyError
from tests.postgres import REQUIRED, running_server
from tests.studies_tests.storage.writing import write

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.storages import RDBStorage

    from tests.postgres import Server


def test_a_new_database_is_made_and_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    open_storage(url)
    open_storage(url)


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("this is no database, " * 200)
    before = path.read_bytes()
    with pytest.raises(StudyError, match="file is not a database"):
        open_storage(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_database_of_others_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table patients (id integer)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StudyError, match=r"holds other tables \(patients\)"):
        open_storage(f"sqlite:///{path}")
    with pytest.raises(StudyError, match="holds other tables"):
        check_sessions(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("no url at all", "no storage URL"),
        ("nosuchdb://host/x", "no storage URL"),
        ("sqlite:////no/such/folder/x.db", "there is no folder"),
        ("sqlite:////tmp", "is a directory"),
    ],
)
def test_unusable_urls_are_refused(url: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        open_storage(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql+psycopg://me:secret@host:5432/db",
            "postgresql+psycopg://me:***@host:5432/db",
        ),
        ("postgresql+psycopg://me@host/db?password=secret", "postgresql+psycopg://me@host/db"),
        (
            "postgresql://me@host/db?host=run&sslpassword=secret",
            "postgresql://me@host/db?host=run",
        ),
        ("sqlite:///studies.db", "sqlite:///studies.db"),
        (
            "postgresql://me@host/db?conninfo=password%3Dsecret&passfile=/home/me/.pgpass",
            "postgresql://me@host/db?passfile=%2Fhome%2Fme%2F.pgpass",
        ),
        ("postgresql://me:p@secret@host/db", "the storage URL"),
        ("::secret::", "the storage URL"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_a_password_with_an_at_sign_must_be_encoded() -> None:
    """Its second half would be taken for a host, and named in the error."""
    with pytest.raises(StudyError, match=r"write one that belongs to the password .* as %40"):
        open_storage("postgresql+psycopg://me:p@secret@localhost/db")


def test_nothing_is_made_where_studies_are_looked_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies@work.db'}"
    with pytest.raises(StudyError, match="holds no studies"):
        open_existing(url)
    check_database(url, Holds.STUDIES)
    with pytest.raises(StudyError, match="holds no studies"):
        open_existing(url)
    open_storage(url).engine.dispose()
    open_existing(url).engine.dispose()


def test_a_server_that_does_not_answer_is_one_line_without_the_password() -> None:
    with pytest.raises(StudyError, match="the database cannot be used") as refused:
        open_storage("postgresql+psycopg://me:secret@/db?host=/no/such/folder")
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_a_server_tests_are_skipped_but_not_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.postgres.find", lambda program: None)
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="the package 'postgresql'"), running_server():
        pass
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=REQUIRED), running_server():
        pass


def test_postgresql_is_opened_and_others_tables_are_refused(postgres: Server) -> None:
    url = postgres.new_database()
    for _ in range(2):
        open_storage(url).engine.dispose()
    other = postgres.new_database()
    engine = sa.create_engine(other)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE patients (id integer)"))
    engine.dispose()
    with pytest.raises(StudyError, match=r"holds other tables \(patients\)"):
        open_storage(other)


def open_at_once(url: str, n_openers: int = 6) -> None:
    """Open one new database in several threads at the same moment, each with a connection."""
    barrier = threading.Barrier(n_openers)

    def open_it(_: int) -> None:
        barrier.wait()
        open_storage(url).engine.dispose()

    with ThreadPoolExecutor(n_openers) as pool:
        list(pool.map(open_it, range(n_openers)))


# Optuna leaves the connection of an attempt that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_new_database_may_be_opened_by_many_at_once(tmp_path: Path, postgres: Server) -> None:
    open_at_once(f"sqlite:///{tmp_path / 'new.db'}")
    open_at_once(postgres.new_database())
    gc.collect()


def pragma(storage: RDBStorage, name: str) -> object:
    with storage.engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_sqlite_writes_ahead_and_leaves_one_file(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    assert pragma(storage, "journal_mode") == "wal"
    assert pragma(storage, "synchronous") == 1  # NORMAL
    assert pragma(pickle.loads(pickle.dumps(storage)), "synchronous") == 1  # noqa: S301 - ours
    del storage
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["studies.db"]


def test_where_writing_ahead_is_refused_sqlite_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    optuna.create_study(storage=f"sqlite:///{path}", study_name="old")
    before = path.read_bytes()
    storage = open_storage(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert pragma(storage, "journal_mode") == "delete"
    assert pragma(storage, "synchronous") == 2  # FULL
    assert [study.study_name for study in storage.get_all_studies()] == ["old"]
    assert path.read_bytes() == before


def test_a_study_may_live_in_memory() -> None:
    storage = open_storage("sqlite://")
    study = optuna.create_study(storage=storage)
    write(storage, [optuna.trial.create_trial(value=1.0)], study.study_name)
    assert study.best_value == 1.0


def make_sessions(url: str) -> None:
    with SessionStore(url) as store:
        store.open(SessionIdentity("x", "d", "c", "e"), 10, 1, resume=True)


def test_studies_and_sessions_may_share_a_server_database(postgres: Server) -> None:
    first, second = postgres.new_database(), postgres.new_database()
    open_storage(first).engine.dispose()
    check_sessions(first)
    make_sessions(second)
    open_storage(second).engine.dispose()


def test_a_file_of_training_sessions_is_refused_for_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'training_sessions.db'}"
    make_sessions(url)
    for open_it in (open_storage, open_existing):
        with pytest.raises(StudyError) as refused:
            open_it(url)
        assert str(refused.value) == (
            f"{url}: holds training sessions, not studies; give another database (--storage or "
            "OPTUNA_STORAGE)"
        )
    check_sessions(url)


def test_a_file_of_studies_is_refused_for_training_sessions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    open_storage(url)
    with pytest.raises(StudyError) as refused:
        check_sessions(url)
    assert str(refused.value) == (
        f"{url}: holds studies, not training sessions; set training.storage in the "
        "configuration to another database"
    )
    open_storage(url)


def test_a_file_that_holds_both_stays_usable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'both.db'}"
    open_storage(url)
    make_sessions(url)
    open_storage(url)
    check_sessions(url)
