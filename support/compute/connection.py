"""Open the crew of a scheduler, or start a local one."""

from __future__ import annotations

import ipaddress
import logging
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from support.caches import cache_dir
from support.errors import ComputeError
from support.executors import never
from support.installation import DASK_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.compute.crew import DaskCrew

_PATIENCE_S = 10.0  # for a scheduler to answer
_PORT = 8786  # of a Dask scheduler

# The same as docs/dask.yaml, which says why (a test compares them).
LOCAL_SETTINGS = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
}


@contextmanager
def crew_of_scheduler(
    url: str,
    say: Callable[[str], None],
    is_stopped: Callable[[], bool] = never,
    *,
    allow_insecure: bool = False,
) -> Iterator[DaskCrew]:
    """Connect to a scheduler, and let go of it at the end.

    Parameters
    ----------
    url : str
        ``tls://HOST:8786``; certificates stand in Dask's configuration. ``tcp://`` for this
        machine.
    say : callable
        Given lines for the user.
    is_stopped : callable
        Asked whether to end, while there is no worker.
    allow_insecure : bool
        Let ``tcp://`` leave this machine: whoever reaches the scheduler runs programs on it.

    Raises
    ------
    ComputeError
        When Dask is not installed, the URL is not allowed, or no fitting scheduler answers.
    """
    _need_dask()
    url = _full(url)
    _check(url, allow_insecure=allow_insecure)
    with _quiet_client(url, url, say, is_stopped) as crew:
        yield crew


@contextmanager
def local_crew(
    n_workers: int, say: Callable[[str], None], is_stopped: Callable[[], bool] = never
) -> Iterator[DaskCrew]:
    """Start compute workers on this machine, of one thread each; they end with this process.

    They listen with a certificate of their own, so that other users of the machine stay out.

    Parameters
    ----------
    n_workers : int
    say : callable
        Given lines for the user.
    is_stopped : callable
        Asked whether to end, while there is no worker.

    Raises
    ------
    ComputeError
        When Dask is not installed.
    """
    _need_dask()
    import dask  # noqa: PLC0415 - optional
    from distributed import LocalCluster, Security  # noqa: PLC0415

    from support.compute.silence import silence_dask  # noqa: PLC0415

    silence_dask()
    with (
        dask.config.set(LOCAL_SETTINGS),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="tls://127.0.0.1",
            security=Security.temporary(),
            dashboard_address=None,
            # its page of figures: without an address it would take a known port
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0", "dashboard": False},
            silence_logs=logging.CRITICAL,
            memory_limit=None,
            local_directory=str((cache_dir() / "dask").absolute()),
            preload=["support.compute.preload"],
        ) as cluster,
        _quiet_client(cluster, "this machine", say, is_stopped) as crew,
    ):
        yield crew


def _need_dask() -> None:
    if find_spec("distributed") is None:
        raise ComputeError("this needs Dask: pip install radtune[dask]")


def _full(url: str) -> str:
    """Add what Dask would add."""
    import dask  # noqa: PLC0415 - optional
    import distributed  # noqa: F401, PLC0415 - brings its configuration

    if "://" not in url:
        url = f"{dask.config.get('distributed.comm.default-scheme')}://{url}"
    _, _, place = url.partition("://")
    return url if ":" in place.rpartition("]")[2] else f"{url}:{_PORT}"


def _check(url: str, *, allow_insecure: bool) -> None:
    scheme, _, place = url.partition("://")
    host = place.rpartition(":")[0].strip("[]")
    if scheme not in ("tls", "tcp") or not host:
        raise ComputeError(f"{url}: no scheduler; tls://HOST:{_PORT} is expected")
    if scheme == "tcp" and not allow_insecure and not _is_here(host):
        raise ComputeError(
            f"{url}: whoever reaches such a scheduler can run programs on every machine of it; "
            f"use tls:// ({DASK_SETTINGS} shows the settings), or --allow-insecure in a network "
            "where that is no danger"
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _quiet_client(
    scheduler: Any,  # noqa: ANN401 - a URL or a cluster
    url: str,
    say: Callable[[str], None],
    is_stopped: Callable[[], bool],
) -> Iterator[DaskCrew]:
    import dask  # noqa: PLC0415 - optional
    from distributed import Client  # noqa: PLC0415

    from support.compute.crew import DaskCrew  # noqa: PLC0415
    from support.compute.environment import difference, environment  # noqa: PLC0415
    from support.compute.silence import silence_dask  # noqa: PLC0415

    silence_dask()
    # what every worker gets once (a shard, the catalogue) is larger than Dask thinks wise
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        try:
            client = Client(scheduler, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, TypeError, ValueError, RuntimeError, ImportError) as error:
            raise ComputeError(
                f"{url}: no scheduler can be reached ({error or type(error).__name__}); when it "
                "is there, run the same again (map: with --resume)"
            ) from None
        try:
            try:
                differs = difference(client.run_on_scheduler(environment))
            except (ImportError, AttributeError, ValueError) as error:
                differs = f"RadTune cannot be loaded there ({error})"
            if differs:
                raise ComputeError(f"{url}: the scheduler cannot be used: {differs}")
            yield DaskCrew(client, url, say, is_stopped)
        finally:
            client.close()
