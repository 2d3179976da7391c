"""``make test-faults``: disturb workers in every way, and see that no trial is lost or double.

Each part runs alone, too: ``python -m benchmarks.worker_faults kills --kills 100``. A part ends
with a traceback when anything is not as promised, and its section is not written then.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults_crowd import crowd_table, run_crowd
from benchmarks.faults_ground import PAGE, Ground
from benchmarks.faults_kills import kill_workers, kills_table
from benchmarks.faults_outages import (
    cut_connections,
    outages_table,
    set_clock_back,
    stop_server,
    stop_while_away,
)
from benchmarks.faults_signals import start_at_once, stop_all, stops_table
from benchmarks.page import write_section
from studies.postgres_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable

_N_KILLS = 100  # on each database
_SECONDS = 120.0  # that a crowd works
_SECONDS_AWAY = 20.0  # that the server is stopped, or connections are cut
_N_ROUNDS = 5  # of programs that are started at once
_N_ON_POSTGRESQL, _N_ON_SQLITE = 8, 4  # workers of a crowd
_SQLITE, _POSTGRESQL = "SQLite", "PostgreSQL"


class _Databases:
    """Makes empty databases of both kinds."""

    def __init__(self, ground: Ground, server: PostgresServer) -> None:
        self._ground = ground
        self._numbers = itertools.count()
        self.makers: dict[str, Callable[[], str]] = {
            _SQLITE: self._sqlite,
            _POSTGRESQL: server.new_database,
        }

    def _sqlite(self) -> str:
        return self._ground.sqlite(f"database-{next(self._numbers)}")


def _kills(ground: Ground, databases: _Databases, n_kills: int) -> str:
    return kills_table(
        {name: kill_workers(ground, new(), n_kills) for name, new in databases.makers.items()}
    )


def _crowd(ground: Ground, databases: _Databases, seconds: float) -> str:
    sizes = {_SQLITE: _N_ON_SQLITE, _POSTGRESQL: _N_ON_POSTGRESQL}
    return crowd_table(
        {
            name: (
                run_crowd(ground, new(), "alone", 1, seconds),
                run_crowd(ground, new(), "crowd", sizes[name], seconds),
            )
            for name, new in databases.makers.items()
        }
    )


def _outages(ground: Ground, server: PostgresServer, seconds: float) -> str:
    return outages_table(
        [
            stop_server(ground, server, seconds, "fast"),
            stop_server(ground, server, seconds, "immediate"),
            cut_connections(ground, server, seconds),
        ],
        stop_while_away(ground, server),
    )


def _clock(ground: Ground, databases: _Databases) -> str:
    for new in databases.makers.values():
        set_clock_back(ground, new())
    return (
        f"On {_SQLITE} and {_POSTGRESQL}: every trial once, the same as with a right clock; no "
        "rate or time left below 0 in `radtune status --json`."
    )


def _starts(ground: Ground, databases: _Databases, n_rounds: int) -> str:
    for new in databases.makers.values():
        for _ in range(n_rounds):
            start_at_once(ground, new())
    return (
        f"{n_rounds} times four programs on {_SQLITE}, {n_rounds} times on {_POSTGRESQL}: each "
        "ended with exit code 0, 3 or 4, every study had exactly its budget, each database one "
        "study."
    )


def _signals(ground: Ground, databases: _Databases) -> str:
    return stops_table({name: stop_all(ground, new) for name, new in databases.makers.items()})


_PARTS = ("kills", "crowd", "outages", "clock", "starts", "signals")


def main() -> None:
    """Run the parts that are asked for, and write the section of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)}")
    parser.add_argument("--kills", type=int, default=_N_KILLS)
    parser.add_argument("--seconds", type=float, default=_SECONDS)
    parser.add_argument("--seconds-away", type=float, default=_SECONDS_AWAY)
    parser.add_argument("--rounds", type=int, default=_N_ROUNDS)
    given = parser.parse_args()
    unknown = set(given.parts) - set(_PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with (
        tempfile.TemporaryDirectory(prefix="radtune-faults-") as folder,
        PostgresServer() as server,
    ):
        ground = Ground(Path(folder))
        databases = _Databases(ground, server)
        parts: dict[str, Callable[[], str]] = {
            "kills": lambda: _kills(ground, databases, given.kills),
            "crowd": lambda: _crowd(ground, databases, given.seconds),
            "outages": lambda: _outages(ground, server, given.seconds_away),
            "clock": lambda: _clock(ground, databases),
            "starts": lambda: _starts(ground, databases, given.rounds),
            "signals": lambda: _signals(ground, databases),
        }
        for name in given.parts or _PARTS:
            text = parts[name]()
            write_section(f"worker {name}", text, PAGE)
            print(f"{text}\n", flush=True)


if __name__ == "__main__":
    main()
