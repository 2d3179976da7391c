"""Wait for a database that is away, and go on when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import optuna
import tenacity
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_LONGEST_S = 600.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
# Classes of SQLSTATE: connection exception, no more connections, operator intervention (the server
# is stopped or starts). Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY = ("08", "53300", "57P")
_LOST_BEFORE = "8s2b"  # source: https://docs.sqlalchemy.org/en/20/errors.html#error-8s2b


class DatabaseRetry:
    """Tries again, ever more slowly, while a database cannot be reached.

    What is not a lost connection (a full disk, a missing right) is raised at once.

    Parameters
    ----------
    say : callable
        Takes a line for the user, once for each time that the database is away.
    is_stopped : callable
        Tells whether somebody asked to stop: then nothing is waited for.
    """

    def __init__(self, say: Callable[[str], None], is_stopped: Callable[[], bool]) -> None:
        self._say = say
        self._is_stopped = is_stopped

    def __call__(self, act: Callable[[], _T]) -> _T:
        """Do something that may be done twice; return what it returns.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError
            When the database does not come back in time, or it is no lost connection.
        KeyboardInterrupt
            When somebody asked to stop while the database is away.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_away),
            wait=tenacity.wait_random_exponential(_FIRST_WAIT_S, _LONGEST_WAIT_S),
            stop=self._is_over,
            before_sleep=self._tell,
            reraise=True,
        )
        return retrying(act)

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        """Tell whether it was waited for long enough; asked only while the database is away."""
        if self._is_stopped():
            raise KeyboardInterrupt
        return (state.seconds_since_start or 0.0) >= _LONGEST_S

    def _tell(self, state: tenacity.RetryCallState) -> None:
        if state.attempt_number == 1:
            self._say("the database is away; waiting for it (at most ten minutes)")


def is_away(error: BaseException) -> bool:
    """Tell whether an error means that a database cannot be reached at the moment."""
    if isinstance(error, optuna.exceptions.StorageInternalError):
        error = error.__cause__ or error
    if isinstance(error, PendingRollbackError):  # Optuna asks once more where it had no answer
        return error.code == _LOST_BEFORE
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_AWAY)
    # a client that gets no answer at all has no SQLSTATE; SQLite has none, ever
    if type(error.orig).__module__.startswith("psycopg"):
        return isinstance(error, OperationalError)
    return "database is locked" in str(error.orig)
