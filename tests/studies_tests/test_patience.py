from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError, PendingRollbackError, SQLAlchemyError

from studies.patience import is_away

if TYPE_CHECKING:
    from tests.postgres import Server

CUT = sa.text("SELECT pg_terminate_backend(:pid)")


def test_a_lost_connection_is_away_also_for_whoever_asks_it_once_more(postgres: Server) -> None:
    database = sa.create_engine(postgres.new_database())
    with database.connect() as lost:
        pid = lost.scalar(sa.select(sa.func.pg_backend_pid()))
        with database.connect() as other:
            other.execute(CUT, {"pid": pid})
        for kind in (OperationalError, PendingRollbackError):
            with pytest.raises(kind) as caught:
                lost.scalar(sa.select(1))
            assert is_away(caught.value)
            assert is_away(raised_by_optuna(caught.value))
        lost.rollback()
        assert lost.scalar(sa.select(1)) == 1
    database.dispose()


def raised_by_optuna(cause: SQLAlchemyError) -> StorageInternalError:
    error = StorageInternalError("An exception is raised during the commit.")
    error.__cause__ = cause
    return error


def test_a_mistake_is_not_waited_for(postgres: Server) -> None:
    database = sa.create_engine(postgres.new_database())
    with database.connect() as connection, pytest.raises(SQLAlchemyError) as caught:
        connection.execute(sa.text("SELECT nothing FROM nowhere"))
    assert not is_away(caught.value)
    database.dispose()
