"""Training sessions in a database: what was run on which data, and what it measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import StudyError
from objectives.database import cannot_use, check_database, shown_url

_METADATA = sa.MetaData()
_SESSIONS = sa.Table(
    "training_sessions",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("experiment_name", sa.String, nullable=False),
    sa.Column("finished_at", sa.String, nullable=False),
    sa.Column("data_sha256", sa.String, nullable=False),
    sa.Column("configuration_sha256", sa.String, nullable=False),
    sa.Column("total_cases", sa.Integer, nullable=False),
    sa.Column("processed_cases", sa.Integer, nullable=False),
    sa.Column("accuracy_at_1", sa.Float),
    sa.Column("recall_at_k", sa.Float),
    sa.Column("critical_errors", sa.Integer, nullable=False),
    sa.Column("success_rate", sa.Float, nullable=False),
    sa.Column("average_confidence", sa.Float, nullable=False),
    sa.Column("errors", sa.Integer, nullable=False),
    sa.Column("total_processing_time_s", sa.Float, nullable=False),
)


class Session(NamedTuple):
    """One finished training run, as the table ``training_sessions`` keeps it."""

    experiment_name: str
    data_sha256: str
    configuration_sha256: str
    total_cases: int
    processed_cases: int
    accuracy_at_1: float | None
    recall_at_k: float | None
    critical_errors: int
    success_rate: float
    average_confidence: float
    errors: int
    total_processing_time_s: float


def check_sessions(url: str) -> None:
    """Refuse a database that cannot hold sessions, before any work is done.

    Raises
    ------
    StudyError
    """
    check_database(url)
    database = sa.create_engine(url)
    try:
        inspector = sa.inspect(database)
        if not inspector.has_table(_SESSIONS.name):
            return
        found = {column["name"] for column in inspector.get_columns(_SESSIONS.name)}
    finally:
        database.dispose()
    missing = sorted(set(_SESSIONS.columns.keys()) - found)
    if missing:
        raise StudyError(
            f"{shown_url(url)}: the table {_SESSIONS.name} is another program's (no column "
            f"{missing[0]}); move the file or set training.storage in the configuration"
        )


def record_session(url: str, session: Session) -> int:
    """Write a finished session and return its id.

    Raises
    ------
    StudyError
        When the database cannot be written.
    """
    database = sa.create_engine(url)
    try:
        _METADATA.create_all(database)
        with database.begin() as connection:
            values = session._asdict() | {"finished_at": datetime.now(UTC).isoformat()}
            inserted = connection.execute(sa.insert(_SESSIONS).values(values))
    except SQLAlchemyError as error:
        raise cannot_use(url, error) from None
    finally:
        database.dispose()
    (session_id,) = inserted.inserted_primary_key or (0,)
    return int(session_id)
