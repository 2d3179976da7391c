"""The table beside Optuna's: what is to be run, who runs it, and how far it is."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

_METADATA = sa.MetaData()
_PREPARING = 7_204  # PostgreSQL's advisory lock while the table is made

STUDIES = sa.Table(
    "radtune_studies",
    _METADATA,
    sa.Column("study_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("study_name", sa.String, nullable=False),  # SQLite gives an id away again
    sa.Column("state", sa.String, nullable=False),
    sa.Column("budget", sa.Integer, nullable=False),  # trials in all
    # of the process that may write trials; who takes the study over replaces the token
    sa.Column("token", sa.String),
    sa.Column("host", sa.String),
    sa.Column("pid", sa.Integer),
    # what `radtune status` shows
    sa.Column("n_trials", sa.Integer, nullable=False, default=0),
    sa.Column("baseline_value", sa.Float),
    sa.Column("best_value", sa.Float),
    sa.Column("trials_per_s", sa.Float),
)


class StudyState(StrEnum):
    """Whether somebody should go on with a study."""

    OPEN = "open"
    FINISHED = "finished"
    CANCELLED = "cancelled"


def make_table(database: sa.Engine) -> None:
    """Make the table where it is missing; any number of processes may do it at once.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
    """
    with database.begin() as connection:
        if sa.inspect(connection).has_table(STUDIES.name):
            return  # a worker may have no right to make tables
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
        connection.execute(sa.schema.CreateTable(STUDIES, if_not_exists=True))


@contextmanager
def writing_to(database: sa.Engine) -> Iterator[sa.Connection]:
    """Begin a transaction that reads what it locks: SQLite's one write lock is taken at once.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
    """
    with database.connect() as connection:
        if connection.dialect.name == "postgresql":  # a server may say otherwise
            connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            if connection.dialect.name == "sqlite":  # which knows no FOR UPDATE
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
