"""``radtune postgres``: a PostgreSQL server for a try, thrown away at the end."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.console import warn

if TYPE_CHECKING:
    from studies.postgres_server import PostgresServer

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_S = 1.0
_DATABASE = "radtune"


def postgres(
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port of 127.0.0.1 to listen on; 0 takes a free one."),
    ] = 0,
) -> None:
    """Run a PostgreSQL server until Ctrl-C or SIGTERM, then throw it away with its data.

    Only you reach it: TCP is on 127.0.0.1 and needs a random password, the socket stands in a
    folder that nobody else may enter.
    """
    from studies.postgres_server import PostgresServer  # noqa: PLC0415 - half a second

    asked = threading.Event()
    for number in _SIGNALS:
        signal.signal(number, lambda _number, _frame: asked.set())
    warn("starting a PostgreSQL server")
    with PostgresServer(tcp_port=port, fsync=True) as server:
        typer.echo(_how_to_use(server))
        while not asked.wait(_LOOK_S):
            server.check_running()
        warn("stopping")
    warn("the server and everything in it are gone")


def _how_to_use(server: PostgresServer) -> str:
    over_tcp = server.new_database(_DATABASE, over_tcp=True)
    return "\n".join(
        [
            f"PostgreSQL listens on 127.0.0.1:{server.tcp_port}, for you only. Elsewhere:",
            f"  export OPTUNA_STORAGE='{over_tcp}'",
            "  make optimize",
            "  make dashboard",
            f"The same without TCP: '{server.url(_DATABASE)}'",
            "Ctrl-C ends it; everything in it is thrown away then.",
        ]
    )
