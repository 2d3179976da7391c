"""Open the database of studies, and refuse what is none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import optuna
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import StudyError
from objectives.database import cannot_use, check_database, shown_url

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from announcing studies: the program tells its user itself."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn a failing database into one line; what was recorded before it failed is kept.

    Raises
    ------
    StudyError
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        cause = error.__cause__
        raise cannot_use(url, cause if isinstance(cause, SQLAlchemyError) else error) from None
    except SQLAlchemyError as error:
        raise cannot_use(url, error) from None


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """Open an Optuna database, making it when it is new.

    Raises
    ------
    StudyError
        When it cannot be opened, holds other tables, or was made by another Optuna schema.
    """
    check_database(url)
    try:
        return optuna.storages.RDBStorage(url)
    except RuntimeError as error:
        raise StudyError(
            f"{shown_url(url)}: {str(error).splitlines()[0]} "
            "(back it up, then `optuna storage upgrade`)"
        ) from None
    except SQLAlchemyError as error:
        raise cannot_use(url, error) from None
