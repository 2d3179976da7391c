"""The first schema: one table of finished sessions, in a database that said no version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "training_sessions",
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
