"""Attributes of a study that only the first of several processes may set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from optuna.storages._rdb import models
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_ATTRIBUTES: sa.Table = models.StudyUserAttributeModel.__table__


def set_first(storage: RDBStorage, study_name: str, key: str, value: Any) -> None:  # noqa: ANN401 - what JSON can write
    """Set an attribute of a study, unless it has it already.

    Two processes that start one study at once then agree: Optuna's own way lets the last one win.

    Parameters
    ----------
    storage : RDBStorage
    study_name : str
    key : str
    value : object
        What JSON can write.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
    """
    row = {"study_id": storage.get_study_id_from_name(study_name), "key": key}
    try:
        with storage.engine.begin() as connection:
            connection.execute(sa.insert(_ATTRIBUTES).values(**row, value_json=json.dumps(value)))
    except IntegrityError:  # study and key are unique
        return
