"""The tables of training sessions; a database with other ones of their names is refused."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()


def _session_id() -> sa.Column[int]:
    return sa.Column(
        "session_id", sa.Integer, sa.ForeignKey("training_sessions.id"), primary_key=True
    )


SESSIONS = sa.Table(
    "training_sessions",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("experiment_name", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("updated_at", sa.String, nullable=False),
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
    sa.Column("engine_sha256", sa.String, nullable=False),
)
CHECKPOINTS = sa.Table(
    "training_checkpoints",
    METADATA,
    _session_id(),
    sa.Column("processed_cases", sa.Integer, primary_key=True),
    sa.Column("written_at", sa.String, nullable=False),
)
RESULTS = sa.Table(
    "training_results",
    METADATA,
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
PERFORMANCE = sa.Table(
    "model_performance",
    METADATA,
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
