"""Look at a database before using it: it must open, and hold no tables but ours."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from support.errors import StudyError, hide_passwords


class Holds(StrEnum):
    """What a database is for."""

    STUDIES = "studies"
    SESSIONS = "training sessions"


_TABLES = {
    Holds.STUDIES: {"studies", "trials", "trial_params", "version_info"},
    Holds.SESSIONS: {"training_sessions"},
}
_OTHER_DATABASE = {
    Holds.STUDIES: "give another database (--storage or OPTUNA_STORAGE)",
    Holds.SESSIONS: "set training.storage in the configuration to another database",
}
_NOT_ALLOWED = "42501"  # PostgreSQL's insufficient_privilege


def shown_url(url: str) -> str:
    """Return a storage URL that may be printed: without its password."""
    try:
        return _without_options(_parsed(url)).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "the storage URL"


def without_password(url: str) -> str:
    """Return a storage URL that may be written to a file; what is no URL stays as it is."""
    try:
        parsed = _without_options(_parsed(url))
    except (ArgumentError, ValueError):
        return hide_passwords(url)
    return parsed._replace(password=None).render_as_string()


def _parsed(url: str) -> sa.URL:
    """Read a URL; one whose password cannot be told from its host is refused.

    Raises
    ------
    ArgumentError, ValueError
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" and url.count("@") > 1:
        raise _TwoAtSignsError
    return parsed


class _TwoAtSignsError(ValueError):
    """Part of a password would be taken for the host, and named as such in errors."""


def _without_options(url: sa.URL) -> sa.URL:
    """Leave out the options that hold passwords: PostgreSQL's client takes them there, too."""
    return url.difference_update_query(
        [name for name in url.query if "passw" in name.lower() or name == "conninfo"]
    )


def cannot_use(url: str, error: Exception) -> StudyError:
    """Say in one line that a database does not do what it should."""
    cause = getattr(error, "orig", None) or error
    reason = str(cause).splitlines()[0]
    way_out = ""
    if "is full" in reason:
        way_out = "; make room, then run the same again"
    elif getattr(cause, "sqlstate", None) == _NOT_ALLOWED:
        way_out = "; its owner runs the same once, or grants that (docs/postgresql.md)"
    return StudyError(f"{shown_url(url)}: the database cannot be used ({reason}){way_out}")


def check_database(url: str, wanted: Holds) -> set[str]:
    """Refuse a database that cannot be opened or is for something else.

    Studies and training sessions may share one PostgreSQL database; a SQLite file that holds only
    one kind is refused for the other, because such a path is most likely a mix-up.

    Parameters
    ----------
    url : str
        SQLAlchemy URL. A missing SQLite file is fine, its folder must exist.
    wanted : Holds
        What the database is opened for.

    Returns
    -------
    set of str
        The tables that are there.

    Raises
    ------
    StudyError
    """
    try:
        parsed = _parsed(url)
        database = sa.create_engine(parsed)
    except _TwoAtSignsError:
        raise StudyError(
            f"{shown_url(url)}: has more than one @; write one that belongs to the password or "
            "to a file name as %40"
        ) from None
    except (
        ArgumentError,
        NoSuchModuleError,
        ImportError,
        ValueError,
    ):  # such as a port of letters
        raise StudyError(
            f"{shown_url(url)}: no storage URL that can be opened; give one like "
            "sqlite:///FILE.db or postgresql+psycopg://USER@HOST/DATABASE"
        ) from None
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database:
        _check_file(Path(parsed.database.removeprefix("file:")))
    try:
        with database.connect() as connection:
            tables = set(sa.inspect(connection).get_table_names())
    except (SQLAlchemyError, UnicodeDecodeError) as error:  # names of tables may be damaged, too
        raise cannot_use(url, error) from None
    finally:
        database.dispose()
    kinds = [kind for kind in Holds if tables & _TABLES[kind]]
    if tables and not kinds:
        raise StudyError(
            f"{shown_url(url)}: holds other tables ({', '.join(sorted(tables)[:3])}); "
            f"{_OTHER_DATABASE[wanted]}"
        )
    if is_sqlite and kinds and wanted not in kinds:
        raise StudyError(
            f"{shown_url(url)}: holds {kinds[0]}, not {wanted}; {_OTHER_DATABASE[wanted]}"
        )
    return tables


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise StudyError(f"{path}: is a directory, a database file is expected")
    if path.exists() and not path.is_file():
        raise StudyError(f"{path}: is a pipe or a device, a database file is expected")
    if not path.parent.is_dir():
        raise StudyError(f"{path}: there is no folder {path.parent}")
