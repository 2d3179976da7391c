"""Whether Optuna's tables, which are no public interface, can be written in bulk."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from optuna.trial import FrozenTrial

TESTED_VERSIONS = SpecifierSet(">=5.0,<5.1")  # its schema version does not show every change
_TESTED_SCHEMA = 12


class BulkTables(Protocol):
    """What `studies.storage.optuna_tables` offers."""

    def lock_study(self, connection: sa.Connection, study_id: int) -> bool:
        """Keep others from writing trials; tell whether the study is there."""
        ...

    def count_trials(self, connection: sa.Connection, study_id: int) -> int:
        """Return how many trials a study has."""
        ...

    def insert_trials(
        self,
        connection: sa.Connection,
        study_id: int,
        trials: Sequence[FrozenTrial],
        first_number: int,
    ) -> None:
        """Write finished trials."""
        ...

    def delete_study(self, connection: sa.Connection, study_id: int) -> None:
        """Delete a study with everything of it."""
        ...


def bulk_tables() -> BulkTables | None:
    """Return what writes trials in bulk; None with an Optuna whose tables were not tested."""
    if version("optuna") not in TESTED_VERSIONS:
        return None
    tables: Any = import_module("studies.storage.optuna_tables")
    return tables if tables.SCHEMA_VERSION == _TESTED_SCHEMA else None
