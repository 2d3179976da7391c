"""Optuna's dashboard over the studies of one database."""

from __future__ import annotations

from contextlib import contextmanager
from ipaddress import ip_address
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer, make_server

from optuna_dashboard import wsgi

from studies.storage.database import opened_storage
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optuna.storages import RDBStorage


class _Server(ThreadingMixIn, WSGIServer):
    """Answers every request in a thread of its own, as Optuna's own command does."""

    daemon_threads = True


@contextmanager
def dashboard_server(url: str, host: str, port: int) -> Iterator[WSGIServer]:
    """Open a database and a port; whoever gets the server says when it serves.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; nothing is made there.
    host : str
        Name or IPv4 address to listen on.
    port : int
        0 takes a free one.

    Raises
    ------
    StudyError
        When there are no studies, or nothing can listen there.
    """
    with opened_storage(url) as storage, _listening(storage, host, port) as server:
        yield server


def _listening(storage: RDBStorage, host: str, port: int) -> WSGIServer:
    try:
        return make_server(host, port, wsgi(storage), server_class=_Server)
    except OSError as error:
        raise StudyError(
            f"the dashboard cannot listen on {host}:{port} ({error.strerror or error})"
        ) from None


def is_this_machine_only(host: str) -> bool:
    """Tell whether only this machine reaches what listens on a host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
