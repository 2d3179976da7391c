"""Sessions that go on: a status, checkpoints, the answer to every case, metrics of every site."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

_OLD = "finished_training_sessions"


def upgrade() -> None:
    """Move the finished sessions into a table in the order people read, and add the others."""
    op.rename_table("training_sessions", _OLD)
    on_postgres = op.get_bind().dialect.name == "postgresql"
    if on_postgres:  # the names of the old key and its sequence are wanted again
        op.execute(
            "ALTER TABLE finished_training_sessions RENAME CONSTRAINT training_sessions_pkey "
            "TO finished_training_sessions_pkey"
        )
        op.execute(
            "ALTER SEQUENCE training_sessions_id_seq RENAME TO finished_training_sessions_id_seq"
        )
    op.create_table(
        "training_sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("experiment_name", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("started_at", sa.String),
        sa.Column("updated_at", sa.String),
        sa.Column("finished_at", sa.String),
        sa.Column("total_cases", sa.Integer, nullable=False),
        sa.Column("processed_cases", sa.Integer, nullable=False),
        sa.Column("accuracy_at_1", sa.Double),
        sa.Column("recall_at_k", sa.Double),
        sa.Column("critical_errors", sa.Integer),
        sa.Column("success_rate", sa.Double),
        sa.Column("average_confidence", sa.Double),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("total_processing_time_s", sa.Double, nullable=False),
        sa.Column("data_sha256", sa.String, nullable=False),
        sa.Column("configuration_sha256", sa.String, nullable=False),
        sa.Column("engine_sha256", sa.String),
    )
    op.execute(
        "INSERT INTO training_sessions (id, experiment_name, finished_at, data_sha256, "
        "configuration_sha256, total_cases, processed_cases, accuracy_at_1, recall_at_k, "
        "critical_errors, success_rate, average_confidence, errors, total_processing_time_s, "
        "status) "
        "SELECT id, experiment_name, finished_at, data_sha256, "
        "configuration_sha256, total_cases, processed_cases, accuracy_at_1, recall_at_k, "
        "critical_errors, success_rate, average_confidence, errors, total_processing_time_s, "
        "'completed' FROM finished_training_sessions"
    )
    if on_postgres:
        op.execute(
            "SELECT setval('training_sessions_id_seq', max(id)) FROM training_sessions "
            "HAVING count(*) > 0"
        )
    op.drop_table(_OLD)
    op.create_table(
        "training_checkpoints",
        _session_id(),
        sa.Column("processed_cases", sa.Integer, primary_key=True),
        sa.Column("written_at", sa.String, nullable=False),
    )
    op.create_table(
        "training_results",
        _session_id(),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("file_hash", sa.String, nullable=False),
        sa.Column("record", sa.Integer, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("chosen_row", sa.String),
        sa.Column("correct", sa.Boolean),
        sa.Column("gold_rank", sa.Integer, nullable=False),
        sa.Column("gold_retrieved", sa.Boolean, nullable=False),
        sa.Column("critical_kinds", sa.Integer, nullable=False),
        sa.Column("may_be_accepted", sa.Boolean, nullable=False),
        sa.Column("set_size", sa.Integer, nullable=False),
        sa.Column("set_probability", sa.Double, nullable=False),
    )
    op.create_table(
        "model_performance",
        _session_id(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("site", sa.String, nullable=False),
        sa.Column("part", sa.String, nullable=False),
        sa.Column("n_cases", sa.Integer, nullable=False),
        sa.Column("n_labelled", sa.Integer, nullable=False),
        sa.Column("n_answerable", sa.Integer, nullable=False),
        sa.Column("accuracy_at_1", sa.Double),
        sa.Column("recall_at_k", sa.Double),
        sa.Column("decision_accuracy", sa.Double),
        sa.Column("coverage", sa.Double),
        sa.Column("error_rate", sa.Double),
        sa.Column("critical_errors", sa.Integer, nullable=False),
        sa.Column("average_confidence", sa.Double, nullable=False),
    )


def _session_id() -> sa.Column[int]:
    return sa.Column(
        "session_id", sa.Integer, sa.ForeignKey("training_sessions.id"), primary_key=True
    )
