from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from engine.errors import StudyError
from objectives.database import shown_url
from objectives.sessions import Session, check_sessions, record_session
from studies.storage import open_storage

if TYPE_CHECKING:
    from pathlib import Path


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


def test_passwords_are_not_shown() -> None:
    assert "secret" not in shown_url("postgresql://user:secret@host/db")
    assert "secret" not in shown_url("::secret::")


def test_sessions_are_numbered(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    session = Session("x", "d", "c", 10, 9, 0.5, None, 1, 0.4, 0.6, 1, 2.5)
    assert record_session(url, session) == 1
    assert record_session(url, session) == 2
    with sqlite3.connect(tmp_path / "sessions.db") as connection:
        rows = connection.execute(
            "SELECT experiment_name, accuracy_at_1 FROM training_sessions ORDER BY id DESC LIMIT 5"
        ).fetchall()
    connection.close()
    assert rows == [("x", 0.5), ("x", 0.5)]


def test_sessions_of_an_earlier_program_are_refused_before_any_work(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sessions.db") as connection:
        connection.execute("create table training_sessions (id integer, name text)")
    connection.close()
    with pytest.raises(StudyError, match="is another program's"):
        check_sessions(f"sqlite:///{tmp_path / 'sessions.db'}")


def test_studies_and_sessions_may_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'both.db'}"
    open_storage(url)
    check_sessions(url)
    record_session(url, Session("x", "d", "c", 10, 9, 0.5, None, 1, 0.4, 0.6, 1, 2.5))
    open_storage(url)
