"""Open the database of studies, and refuse what is none."""

from __future__ import annotations

import optuna
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import StudyError
from objectives.database import cannot_use, check_database, shown_url

_OPTUNA_TABLES = {"studies", "trials", "trial_params", "version_info"}


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """Open an Optuna database, making it when it is new.

    Raises
    ------
    StudyError
        When it cannot be opened, holds other tables, or was made by another Optuna schema.
    """
    check_database(url, _OPTUNA_TABLES)
    try:
        return optuna.storages.RDBStorage(url)
    except RuntimeError as error:
        raise StudyError(
            f"{shown_url(url)}: {str(error).splitlines()[0]} "
            "(back it up, then `optuna storage upgrade`)"
        ) from None
    except SQLAlchemyError as error:
        raise cannot_use(url, error) from None
