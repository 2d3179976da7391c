"""Bring an older database of training sessions up to date, revision by revision (alembic)."""
