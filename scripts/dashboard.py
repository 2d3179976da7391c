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
            help="Address to listen on. There is no log-in: anyone who can connect can read and "
            "delete studies."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on. 0 picks a free one.")
    ] = 8080,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Browse studies and trials in a web browser.

    Starts Optuna's dashboard; Ctrl-C ends it. Other users of this machine can see command line
    arguments: put a password into ~/.pgpass or OPTUNA_STORAGE instead.
    """
    url = storage or load_and_warn(config).study.storage
    from studies.dashboard import dashboard_server, is_this_machine_only  # noqa: PLC0415
    from support.databases import shown_url  # noqa: PLC0415 - a second, all of these

    with dashboard_server(url, host, port) as server:
        if not is_this_machine_only(host):
            warn(
                f"{host} is open to others and there is no log-in: anyone who can connect to port "
                f"{server.server_port} can read and delete studies"
            )
        typer.echo(f"studies of {shown_url(url)}: http://{host}:{server.server_port}/")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
