"""``radtune dashboard``: browse the trials of a database's studies."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from objectives.configuration import DEFAULT_CONFIG
from scripts.shared.console import ConfigOption, load_and_warn, warn


def dashboard(
    storage: Annotated[
        str | None,
        typer.Option(
            envvar="OPTUNA_STORAGE",
            help="SQLAlchemy URL of the studies. [default: study.storage of the config]",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Where to listen. No log-in: whoever reaches it can read and delete studies."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Show studies and trials in a browser until Ctrl-C (Optuna's dashboard).

    A password belongs into OPTUNA_STORAGE, better into ~/.pgpass: other users of the machine see
    the arguments of a process.
    """
    url = storage or load_and_warn(config).study.storage
    from studies.dashboard import dashboard_server, is_this_machine_only  # noqa: PLC0415
    from support.databases import shown_url  # noqa: PLC0415 - a second, all of these

    with dashboard_server(url, host, port) as server:
        if not is_this_machine_only(host):
            warn(
                f"{host} is open to others: there is no log-in, everybody who reaches port "
                f"{server.server_port} can read and delete studies"
            )
        typer.echo(f"studies of {shown_url(url)}: http://{host}:{server.server_port}/")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
