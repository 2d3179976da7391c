"""What the verbs about studies share: the database that they are in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from objectives.configuration import load_configuration
from studies.storage import open_existing, open_storage, quiet_optuna, translated_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optuna.storages import RDBStorage

StorageOption = Annotated[
    str | None,
    typer.Option(
        envvar="OPTUNA_STORAGE",
        help="SQLAlchemy URL of the studies. [default: sqlite:///optimization_results.db]",
    ),
]
AllowOutsideOption = Annotated[
    bool, typer.Option("--allow-outside", help="Let paths in the study file leave the project.")
]


def storage_url(storage: str | None) -> str:
    """Return the URL that was given, else the one in ``config.yaml``."""
    return storage or load_configuration().study.storage


@contextmanager
def opened_storage(url: str, *, is_new_allowed: bool = False) -> Iterator[RDBStorage]:
    """Open a database of studies, and close it; a failing one ends in one line.

    Parameters
    ----------
    url : str
    is_new_allowed : bool
        Whether to make it when it is not there.

    Raises
    ------
    StudyError
    """
    with quiet_optuna(), translated_errors(url):
        storage = open_storage(url) if is_new_allowed else open_existing(url)
        try:
            yield storage
        finally:
            storage.engine.dispose()
