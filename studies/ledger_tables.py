"""Tables beside Optuna's: what is to be run, who runs what, and who is there."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
_PREPARING = 7_204  # PostgreSQL's advisory lock while the tables are made

SEARCHES = sa.Table(  # studies that were submitted
    "radtune_searches",
    METADATA,
    sa.Column("study_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("budget", sa.Integer, nullable=False),  # trials in all
)
LEASES = sa.Table(  # trials first ... stop - 1 are run by a worker; by nobody yet where it is null
    "radtune_leases",
    METADATA,
    sa.Column("study_id", sa.Integer, primary_key=True),
    sa.Column("stop", sa.Integer, primary_key=True),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("lane", sa.Integer, nullable=False),
    sa.Column("worker_id", sa.Integer),
)
WORKERS = sa.Table(  # a worker that is gone no longer holds the lock of its id
    "radtune_workers",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", sa.String, nullable=False),  # UTC
    sa.Column("study_id", sa.Integer),  # what it works on
    sqlite_autoincrement=True,  # an id is never used again
)


def make_tables(database: sa.Engine) -> None:
    """Make the tables where they are missing; any number of processes may do it at once.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
    """
    with database.begin() as connection:
        there = set(sa.inspect(connection).get_table_names())
        if there >= set(METADATA.tables):
            return  # a worker may have no right to make tables
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
        for table in METADATA.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
