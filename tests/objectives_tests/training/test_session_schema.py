from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from objectives.training.session_schema import check_sessions, open_database, prepare
from objectives.training.session_tables import METADATA, SCHEMA, SESSIONS, VERSION, VERSION_TABLE
from support.errors import StudyError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


OLD = """
CREATE TABLE training_sessions (
    id INTEGER PRIMARY KEY, experiment_name VARCHAR NOT NULL, finished_at VARCHAR NOT NULL,
    data_sha256 VARCHAR NOT NULL, configuration_sha256 VARCHAR NOT NULL,
    total_cases INTEGER NOT NULL, processed_cases INTEGER NOT NULL, accuracy_at_1 FLOAT,
    recall_at_k FLOAT, critical_errors INTEGER NOT NULL, success_rate FLOAT NOT NULL,
    average_confidence FLOAT NOT NULL, errors INTEGER NOT NULL,
    total_processing_time_s FLOAT NOT NULL
)
"""
INSERT = """
INSERT INTO training_sessions (
    experiment_name, finished_at, data_sha256, configuration_sha256, total_cases,
    processed_cases, accuracy_at_1, recall_at_k, critical_errors, success_rate,
    average_confidence, errors, total_processing_time_s
) VALUES ('{name}', '2026-01-01', 'd', 'c', 10, 9, 0.1, NULL, 1, 0.4, 0.6, 1, 2.5)
"""


@pytest.fixture
def database(url: str) -> Iterator[sa.Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def make_old(database: sa.Engine) -> None:
    serial = database.dialect.name == "postgresql"
    with database.begin() as connection:
        text = OLD.replace("id INTEGER", "id SERIAL") if serial else OLD
        connection.exec_driver_sql(text)
        for name in ("first", "second"):
            connection.exec_driver_sql(INSERT.format(name=name))


def revision_of(database: sa.Engine) -> str | None:
    with database.begin() as connection:
        revision: str | None = connection.scalar(sa.select(VERSION.c.version_num))
        return revision


def test_the_revisions_lead_to_the_tables_of_a_new_database(database: sa.Engine) -> None:
    make_old(database)
    with database.begin() as connection:
        prepare(connection)
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []
        columns = [column["name"] for column in sa.inspect(connection).get_columns(SESSIONS.name)]
    assert columns == list(SESSIONS.columns.keys())
    assert revision_of(database) == SCHEMA


def test_an_old_database_keeps_its_sessions(database: sa.Engine, url: str) -> None:
    make_old(database)
    check_sessions(url)
    for _ in range(2):
        with database.begin() as connection:
            prepare(connection)
    values = {
        "status": "running", "total_cases": 1, "processed_cases": 0, "errors": 0,
        "total_processing_time_s": 0.0, "data_sha256": "", "configuration_sha256": "",
    }  # fmt: skip
    with database.begin() as connection:
        rows = connection.execute(sa.select(SESSIONS).order_by(SESSIONS.c.id)).all()
        added = connection.execute(sa.insert(SESSIONS).values(experiment_name="new", **values))
    assert [(row.id, row.experiment_name, row.status) for row in rows] == [
        (1, "first", "completed"),
        (2, "second", "completed"),
    ]
    assert (rows[0].accuracy_at_1, rows[0].recall_at_k, rows[0].critical_errors) == (0.1, None, 1)
    assert added.inserted_primary_key == (3,)


def test_a_migration_that_fails_changes_nothing(database: sa.Engine) -> None:
    make_old(database)
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE model_performance (id INTEGER)")
    with pytest.raises(sa.exc.DBAPIError), database.begin() as connection:
        prepare(connection)
    with database.begin() as connection:
        assert not sa.inspect(connection).has_table(VERSION_TABLE)
        names = connection.exec_driver_sql("SELECT experiment_name FROM training_sessions")
        assert [name for (name,) in names] == ["first", "second"]


@pytest.mark.parametrize(
    ("revision", "said"),
    [("3", "written by a newer version"), ("1", None), ("abc", "is another program's")],
)
def test_a_newer_or_foreign_schema_is_refused(
    revision: str, said: str | None, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    database = open_database(url)
    with database.begin() as connection:
        if revision == "1":
            connection.exec_driver_sql(OLD)
            VERSION.create(connection)
            connection.execute(sa.insert(VERSION).values(version_num="1"))
        else:
            prepare(connection)
            connection.execute(sa.update(VERSION).values(version_num=revision))
    before = (tmp_path / "sessions.db").read_bytes()
    if said is None:
        check_sessions(url)
    else:
        with pytest.raises(StudyError, match=said) as caught:
            check_sessions(url)
        assert "training.storage" in str(caught.value)
    assert (tmp_path / "sessions.db").read_bytes() == before
    database.dispose()


@pytest.mark.process
def test_alembic_is_imported_for_an_old_database_only(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom objectives.training.sessions import SessionStore, SessionIdentity\n"
        "with SessionStore(sys.argv[1]) as store:\n"
        "    store.open(SessionIdentity('x', 'd', 'c', 'e'), 1, 0, resume=False)\n"
        "print('alembic' in sys.modules)"
    )

    def imports_alembic(name: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, f"sqlite:///{tmp_path / name}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute(OLD)
    connection.close()
    assert [imports_alembic(name) for name in ("new.db", "new.db", "old.db", "old.db")] == [
        "False",
        "False",
        "True",
        "False",
    ]
