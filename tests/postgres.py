"""A PostgreSQL server for tests: a cluster of its own, reached through a socket in its folder."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED = "RADTUNE_REQUIRE_POSTGRES"


class Server:
    """A running server; it listens on no port, so that any number run side by side."""

    def __init__(self, folder: Path) -> None:
        self._url = sa.make_url(f"postgresql+psycopg://radtune@/postgres?host={folder}")
        self._n_databases = 0

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._n_databases += 1
        name = f"test_{self._n_databases}"
        engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url.set(database=name).render_as_string()


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server and stop it; without one installed the test is skipped, in CI it fails."""
    initdb = find("initdb")
    if initdb is None:
        reason = "no PostgreSQL server here: install the package 'postgresql'"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason} ({REQUIRED} is set)")
        pytest.skip(reason)
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="radtune-pg-", dir=folder_open_to_all()))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    cluster = folder / "cluster"
    pg_ctl = initdb.with_name("pg_ctl")
    # The tests kill clients, never the machine: nothing has to be on the disk.
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=50"

    def run(*command: str | Path) -> None:
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=user and [],
        )

    try:
        run(initdb, f"--pgdata={cluster}", "--username=radtune", "--auth=trust", "--no-sync")
        log = f"--log={folder / 'log'}"
        run(pg_ctl, "start", "--wait", f"--pgdata={cluster}", log, f"--options={options}")
        try:
            yield Server(folder)
        finally:
            run(pg_ctl, "stop", f"--pgdata={cluster}", "--mode=immediate")
    finally:
        shutil.rmtree(folder)


def find(program: str) -> Path | None:
    """Find a server program; Debian keeps them out of PATH, a folder for each version."""
    on_path = shutil.which(program)
    if on_path:
        return Path(on_path).resolve()
    installed = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    return max(installed, key=lambda path: float(path.parent.parent.name), default=None)


def unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom to run the server as: it refuses root. None for whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def folder_open_to_all() -> Path:
    """Return a folder for temporary files that every user may enter."""
    usual = (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 - mkdtemp makes them safe
    for folder in (Path(name).resolve() for name in usual):
        if all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)):
            return folder
    raise FileNotFoundError("no folder for temporary files that every user may enter")
