"""``make test-faults``: disturb studies in every way, and see that no trial is lost or double.

Each part runs alone, too: ``python -m benchmarks.worker_faults kills --kills 50``. A part ends
with a traceback when anything is not as promised, and its section is not written then.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults_compute import Cluster, ComputeFaults
from benchmarks.faults_ground import PAGE, Ground, table
from benchmarks.faults_outages import (
    cut_connections,
    set_clock_back,
    stop_all,
    stop_server,
    stop_while_away,
)
from benchmarks.faults_owners import cut_off, kill_coordinators, start_at_once
from benchmarks.page import write_section
from benchmarks.postgres_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable

_N_KILLS = 50  # on each database
_N_ROUNDS = 5  # of programs that are started at once, or cut off
_SECONDS_AWAY = 20.0  # that the server is stopped, or connections are cut


class _Parts:
    """The parts by name: each public method returns what the page says.

    Parameters
    ----------
    ground : Ground
    server : PostgresServer
    given : argparse.Namespace
        ``kills``, ``rounds`` and ``seconds_away``.
    """

    def __init__(self, ground: Ground, server: PostgresServer, given: argparse.Namespace) -> None:
        self._ground, self._server, self._given = ground, server, given
        numbers = itertools.count()
        self._databases: dict[str, Callable[[], str]] = {
            "SQLite": lambda: ground.sqlite(f"database-{next(numbers)}"),
            "PostgreSQL": server.new_database,
        }

    def kills(self) -> str:
        return table(
            [
                {"database": name, **kill_coordinators(self._ground, new(), self._given.kills)}
                for name, new in self._databases.items()
            ]
        )

    def cuts(self) -> str:
        return table(
            [
                cut_off(self._ground, self._server.new_database(), is_held=is_held)
                for is_held in (False, True)
                for _ in range(self._given.rounds)
            ]
        )

    def outages(self) -> str:
        disturbed = (self._ground, self._server, self._given.seconds_away)
        rows = [
            stop_server(*disturbed, "fast"),
            stop_server(*disturbed, "immediate"),
            cut_connections(*disturbed),
        ]
        seconds = stop_while_away(self._ground, self._server)
        return (
            f"{table(rows)}\n\nA worker that gets SIGTERM while the server is stopped ended with "
            f"code 130 after {seconds:.1f} s; another one finished the study."
        )

    def clock(self) -> str:
        for new in self._databases.values():
            set_clock_back(self._ground, new())
        return f"Seen on {' and '.join(self._databases)}."

    def starts(self) -> str:
        for new in self._databases.values():
            for _ in range(self._given.rounds):
                start_at_once(self._ground, new())
        return f"{self._given.rounds} times on each of {' and '.join(self._databases)}."

    def compute(self) -> str:
        with Cluster(self._ground) as cluster:
            faults = ComputeFaults(self._ground, cluster)
            n_each = -(-self._given.kills // len(faults.kinds))
            rows = [faults.kill_workers(kind, n_each) for kind in faults.kinds]
            for kind in faults.kinds:
                faults.kill_scheduler(kind)
        return (
            f"{table(rows)}\n\nThe scheduler was killed once in each: the command ended with one "
            "line and exit code 6; on another scheduler the same command went on to that end."
        )

    def signals(self) -> str:
        return table(
            [
                {"database": name, **row}
                for name, new in self._databases.items()
                for row in stop_all(self._ground, new)
            ]
        )


_PARTS = ("kills", "cuts", "outages", "clock", "starts", "signals", "compute")


def main() -> None:
    """Run the parts that are asked for, and write the section of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)}")
    parser.add_argument("--kills", type=int, default=_N_KILLS)
    parser.add_argument("--rounds", type=int, default=_N_ROUNDS)
    parser.add_argument("--seconds-away", type=float, default=_SECONDS_AWAY)
    given = parser.parse_args()
    if unknown := set(given.parts) - set(_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with (
        tempfile.TemporaryDirectory(prefix="radtune-faults-") as folder,
        PostgresServer() as server,
    ):
        parts = _Parts(Ground(Path(folder)), server, given)
        for name in given.parts or _PARTS:
            text: str = getattr(parts, name)()
            write_section(f"worker {name}", text, PAGE)
            print(f"{text}\n", flush=True)


if __name__ == "__main__":
    main()
