from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from objectives.training.session_schema import check_sessions, open_database, prepare
from objectives.training.session_tables import METADATA
from support.databases import shown_url
from support.errors import StudyError

N_AT_ONCE = 6


def prepared(url: str, *statements: str) -> None:
    """Make the tables where they are missing, and change them."""
    database = open_database(url)
    try:
        with database.begin() as connection:
            prepare(connection)
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        database.dispose()


def contents(url: str) -> object:
    """The bytes of a file; of a server's database its columns."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(str(parsed.database)).read_bytes()
    database = sa.create_engine(url)
    with database.connect() as connection:
        columns = sa.text(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY 1, 2"
        )
        found = connection.execute(columns).all()
    database.dispose()
    return found


def test_the_tables_are_made_once_whoever_comes_at_the_same_time(url: str) -> None:
    check_sessions(url)
    barrier = threading.Barrier(N_AT_ONCE)

    def open_it(_: int) -> None:
        barrier.wait()
        prepared(url)

    with ThreadPoolExecutor(N_AT_ONCE) as pool:
        list(pool.map(open_it, range(N_AT_ONCE)))
    check_sessions(url)
    database = sa.create_engine(url)
    assert set(sa.inspect(database).get_table_names()) == set(METADATA.tables)
    database.dispose()


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ("DROP TABLE training_results", "training_results"),
        ("ALTER TABLE training_sessions DROP COLUMN status", "training_sessions"),
        ("ALTER TABLE model_performance ADD COLUMN newer INTEGER", "model_performance"),
    ],
)
def test_tables_of_another_version_are_refused_with_the_way_out_and_left_alone(
    change: str, other: str, url: str
) -> None:
    prepared(url, change)
    before = contents(url)
    said = (
        f"{shown_url(url)}: the table {other} is of another version of RadTune, or of another "
        "program; move the file away, or set training.storage in the configuration to another "
        "database"
    )
    for open_it in (check_sessions, prepared):
        with pytest.raises(StudyError) as refused:
            open_it(url)
        assert str(refused.value) == said
    assert contents(url) == before


def test_the_table_of_another_program_is_refused(url: str) -> None:
    database = open_database(url)
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE training_sessions (id INTEGER, name TEXT)")
    database.dispose()
    before = contents(url)
    with pytest.raises(StudyError, match="or of another program; move the file away"):
        check_sessions(url)
    assert contents(url) == before
