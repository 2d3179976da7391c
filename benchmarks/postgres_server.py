"""A temporary PostgreSQL server: for a try (``make postgres``), for tests, for benchmarks."""

from __future__ import annotations

import argparse
import os
import pwd
import re
import secrets
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Literal, Self

import sqlalchemy as sa

from support.errors import RadTuneError

USER = "radtune"
_HERE = "127.0.0.1"
_USUAL_PORT = 5432
_WHERE = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")  # Debian; PostgreSQL's own RPMs
_CREATE = sa.text("SELECT format('CREATE DATABASE %I', CAST(:name AS text))")
_HOW_IT_FAILS = re.compile(r"(?:FATAL|could not bind)\S*\s.*")


class PostgresServerError(RadTuneError):
    """The server is not installed, or does not start."""


class PostgresServer:
    """A server with a cluster of its own, both gone at the end of the ``with`` statement.

    Its socket stands in a folder that only the server's user may enter (whoever started it, but
    root's server runs as ``postgres``, else ``nobody``) and needs no password. TCP, where it is
    asked for, is on one address only and needs a random password, which stands in a file in that
    folder: other users of the machine reach neither. URLs name the file, not the password.

    Parameters
    ----------
    tcp_port : int, optional
        Also listen on this port of this machine; 0 takes a free one. Without it any number of
        servers run side by side.
    fsync : bool
        Whether commits wait for the disk: for measurements, or to survive the machine. What is
        killed or stopped loses nothing either way.

    Attributes
    ----------
    cluster : Path
        The data folder, with ``postgresql.conf`` and ``pg_hba.conf``.
    tcp_port : int
        Where it listens, if it does; the name of its socket has it, too.
    """

    def __init__(self, *, tcp_port: int | None = None, fsync: bool = False) -> None:
        self._listens = tcp_port is not None
        self.tcp_port = (tcp_port or _free_port()) if self._listens else _USUAL_PORT
        self._fsync = fsync
        self._n_databases = 0

    def __enter__(self) -> Self:
        """Make the cluster and start the server.

        Raises
        ------
        PostgresServerError
        """
        initdb = find("initdb")
        if initdb is None:
            raise PostgresServerError(
                "no PostgreSQL server here; install the package 'postgresql' (Debian, Ubuntu: "
                "apt-get install postgresql) or 'postgresql-server' (RHEL, Fedora: dnf install "
                "postgresql-server)"
            )
        self._pg_ctl = initdb.with_name("pg_ctl")
        self._user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="radtune-pg-", dir=_folder_open_to_all()))
        self.cluster = self.folder / "cluster"
        try:
            self._give(self.folder)
            self._make_cluster(initdb)
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and remove everything."""
        try:
            if self.is_running:
                self.stop("immediate")
        finally:
            shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start the server (again), with the data that it had; wait until it answers.

        Raises
        ------
        PostgresServerError
        """
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        options = {
            "unix_socket_directories": self.folder,
            "listen_addresses": _HERE if self._listens else "",
            "port": self.tcp_port,
            "fsync": "on" if self._fsync else "off",
        }
        # pg_ctl hands them to a shell.
        given = " ".join(f"-c {name}={shlex.quote(str(value))}" for name, value in options.items())
        try:
            self._control("start", f"--log={log}", f"--options={given}")
        except subprocess.CalledProcessError as error:
            said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            why = _HOW_IT_FAILS.search(said)
            raise PostgresServerError(
                f"the PostgreSQL server does not start ({why.group() if why else error})"
            ) from None

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server; its data stay, and `start` goes on with them.

        Parameters
        ----------
        mode : {"fast", "immediate"}
            End the transactions of clients; drop everything as a crash does.
        """
        self._control("stop", f"--mode={mode}")

    @property
    def is_running(self) -> bool:
        """Whether the server answers to its control program."""
        try:
            self._control("status")
        except subprocess.CalledProcessError:
            return False
        return True

    def check_running(self) -> None:
        """Notice that the server has ended by itself.

        Raises
        ------
        PostgresServerError
        """
        if not self.is_running:
            raise PostgresServerError("the PostgreSQL server has ended by itself")

    def new_database(self, name: str | None = None, *, over_tcp: bool = False) -> str:
        """Make an empty database and return its URL.

        Parameters
        ----------
        name : str, optional
            Without one, the next free name.
        over_tcp : bool
            Whether the URL goes through TCP, or the socket.
        """
        self._n_databases += 1
        name = name or f"test_{self._n_databases}"
        engine = sa.create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(connection.execute(_CREATE, {"name": name}).scalar_one())
        engine.dispose()
        return self.url(name, over_tcp=over_tcp)

    def url(self, database: str = "postgres", *, over_tcp: bool = False) -> str:
        """Return the URL of a database, for the user who owns everything here."""
        if over_tcp:
            query = {"passfile": str(self._passfile)}
            made = sa.URL.create(
                "postgresql+psycopg", USER, None, _HERE, self.tcp_port, database, query
            )
        else:
            # The environment may name another port.
            query = {"host": str(self.folder), "port": str(self.tcp_port)}
            made = sa.URL.create("postgresql+psycopg", USER, database=database, query=query)
        return made.render_as_string().replace("%2F", "/")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the cluster as its server wants it, such as ``pg_hba.conf``."""
        path = self.cluster / name
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        self._give(path)
        return path

    @property
    def _passfile(self) -> Path:
        return self.folder / "pgpass"

    def _make_cluster(self, initdb: Path) -> None:
        password = secrets.token_hex(16)
        self._passfile.touch(0o600)  # for its clients: it stays the caller's
        self._passfile.write_text(f"{_HERE}:*:*:{USER}:{password}\n", encoding="utf-8")
        only_password = self.folder / "password"
        only_password.touch(0o600)
        only_password.write_text(f"{password}\n", encoding="utf-8")
        self._give(only_password)
        try:
            self._run(
                initdb,
                f"--pgdata={self.cluster}",
                f"--username={USER}",
                f"--pwfile={only_password}",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--no-locale",
                "--encoding=UTF8",
                "--no-sync",
            )
        except subprocess.CalledProcessError as error:
            why = (error.stderr.strip().splitlines() or [error])[0]
            raise PostgresServerError(f"no PostgreSQL cluster can be made ({why})") from None
        only_password.unlink()

    def _control(self, verb: str, *options: str) -> None:
        self._run(self._pg_ctl, verb, f"--pgdata={self.cluster}", *options)

    def _run(self, program: Path, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - the server's own programs, no shell
            [program, *arguments],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self._user and self._user.pw_uid,
            group=self._user and self._user.pw_gid,
            extra_groups=self._user and [],
            process_group=0,  # Ctrl-C is for us, who then stop the server
        )

    def _give(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)


def find(program: str) -> Path | None:
    """Find a server program; many systems keep them out of PATH, a folder for each version."""
    on_path = shutil.which(program)
    if on_path:
        return Path(on_path).resolve()
    installed = [path for where in _WHERE for path in Path("/").glob(f"{where[1:]}/{program}")]
    return max(installed, key=_version, default=None)


def _version(program: Path) -> float:
    number = re.search(r"[\d.]+$", program.parent.parent.name)
    return float(number.group()) if number else 0.0


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom to run the server as: it refuses root. None for whoever runs this."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _folder_open_to_all() -> Path:
    """Return a folder for temporary files that every user may enter."""
    usual = (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 - mkdtemp makes them safe
    for folder in (Path(name).resolve() for name in usual):
        if all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)):
            return folder
    raise PostgresServerError("no folder for temporary files that every user may enter")


def _free_port() -> int:
    with socket.create_server((_HERE, 0)) as free:
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    """Run a server until Ctrl-C or SIGTERM, then remove it with its data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes a free one")
    port = parser.parse_args().port
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: asked.set())
    try:
        with PostgresServer(tcp_port=port, fsync=True) as server:
            url = server.new_database("radtune", over_tcp=True)
            print(
                f"PostgreSQL listens on 127.0.0.1:{server.tcp_port}, for you only. Elsewhere:\n"
                f"  export OPTUNA_STORAGE='{url}'\n  make optimize\n  make dashboard\n"
                f"The same without TCP: '{server.url('radtune')}'\n"
                "Ctrl-C ends it and removes everything in it.",
                flush=True,
            )
            while not asked.wait(1.0):
                server.check_running()
    except PostgresServerError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
