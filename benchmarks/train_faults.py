"""``make test-faults``: kill `radtune train` at random moments, run it again, compare.

Every session runs in a folder of its own, without a feature bank: a kill may fall into the start,
the computing of facts, a checkpoint or the end. Half of the runs that go on are killed again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from benchmarks.faults_ground import PAGE, Ground, Process, table
from benchmarks.page import write_section
from objectives.training.session_schema import open_database
from objectives.training.session_tables import PERFORMANCE, RESULTS, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_N_KILLS = 50
_KILLED_AGAIN = 0.5  # share of the runs that go on
_SEED = 11
_N_RECORDS_PER_SITE = 150
STORAGE = "sqlite:///training_sessions.db"
_OPTIONS = ("--json", "--chunk-size", "20", "--checkpoint-interval", "50")
_OWN_METRICS = ("session_id", "total_processing_time_s", "cases_per_s", "log", "config")
_OWN_COLUMNS = {"id", "session_id", "started_at", "updated_at", "finished_at"} | {
    "total_processing_time_s"
}
_SPOTS = (
    "before the session was there",
    "before its first checkpoint",
    "between its checkpoints",
    "after its last checkpoint",
    "when it was completed",
)


class Outcome(NamedTuple):
    """What a session has left: everything that must not depend on kills.

    Attributes
    ----------
    metrics : dict
        What ``--json`` prints, without times and numbers of sessions; empty when the kill came
        after the session was completed.
    rows : dict
        Table to its rows, likewise.
    """

    metrics: dict[str, Any]
    rows: dict[str, list[dict[str, Any]]]


class Tally(NamedTuple):
    """What came of the kills.

    Attributes
    ----------
    n_cases : int
        Of each session.
    seconds : float
        Of the undisturbed run.
    spots : dict
        Where kills fell, to their number.
    n_sessions, n_equal : int
        Sessions that were killed at least once, and those that ended as the undisturbed one.
    """

    n_cases: int
    seconds: float
    spots: Counter[str]
    n_sessions: int
    n_equal: int


class Session:
    """One session in a folder of its own, with a cache that has no bank.

    Parameters
    ----------
    ground : Ground
    storage : str
        URL of its database.
    *options : str
        More of the command.
    """

    def __init__(self, ground: Ground, storage: str, *options: str) -> None:
        self._ground, self._options = ground, options
        self._cache = ground.cache_without_banks()
        self._folder = self._cache.with_name(f"session-{self._cache.name}")
        self._folder.mkdir()
        text = (ground.folder / "config.yaml").read_text(encoding="utf-8")
        (self._folder / "config.yaml").write_text(text.replace(STORAGE, storage), encoding="utf-8")
        local = storage.replace(":///", f":///{self._folder}/")
        self._url = local if storage == STORAGE else storage

    def start(self) -> Process:
        """Start the command that is always the same."""
        given = ("--dataset-dir", str(self._ground.folder / "data"), *_OPTIONS, *self._options)
        return self._ground.start("train", *given, cache=self._cache, folder=self._folder)

    def kill_after(self, seconds: float) -> str | None:
        """Kill a run after some time; tell where that fell, or None when it was over before."""
        run = self.start()
        time.sleep(seconds)
        return self._spot() if run.kill() else None

    def run(self) -> dict[str, Any]:
        """Run to the end and return what `metrics` does."""
        run = self.start()
        run.wait_for_end(0)
        return self.metrics(run)

    @staticmethod
    def metrics(run: Process) -> dict[str, Any]:
        """Return what a run has printed, without times and the like."""
        return {key: value for key, value in run.document.items() if key not in _OWN_METRICS}

    def outcome(self, metrics: dict[str, Any]) -> Outcome:
        """Read what is in the database."""
        return Outcome(metrics, {table.name: self._rows(table) for table in _TABLES})

    def is_completed(self) -> bool:
        """Tell whether the first session has ended."""
        return [row["status"] for row in self._rows(SESSIONS)] == ["completed"]

    def _spot(self) -> str:
        rows = self._rows(SESSIONS)
        if not rows:
            return _SPOTS[0]
        ((status, n_done, total),) = [
            (row["status"], row["processed_cases"], row["total_cases"]) for row in rows
        ]
        if status == "completed":
            return _SPOTS[4]
        if n_done == total:
            return _SPOTS[3]
        return _SPOTS[2] if n_done else _SPOTS[1]

    def _rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """Return the rows of a table, without what is its own in every run."""
        database = open_database(self._url)
        try:
            with database.begin() as connection:
                if not sa.inspect(connection).has_table(table.name):
                    return []
                rows = connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
                return [{k: v for k, v in r.items() if k not in _OWN_COLUMNS} for r in rows]
        finally:
            database.dispose()


_TABLES = (SESSIONS, RESULTS, PERFORMANCE)


def kill_training(
    ground: Ground,
    n_kills: int,
    new_storage: Callable[[], str] = lambda: STORAGE,
    *,
    most_workers: int = 2,
) -> Tally:
    """Kill runs at random moments until there were enough kills, and finish each session.

    Parameters
    ----------
    ground : Ground
    n_kills : int
    new_storage : callable
        Returns the URL of an empty database; a SQLite file in each session's folder when not
        given.
    most_workers : int
        Sessions have one process, two and so on in turn.
    """

    def new_session(number: int) -> Session:
        n_workers = str(number % most_workers + 1)
        return Session(ground, new_storage(), "--max-workers", n_workers)

    undisturbed = new_session(0)
    started = time.perf_counter()
    metrics = undisturbed.run()
    seconds = time.perf_counter() - started
    expected = undisturbed.outcome(metrics)
    rng = random.Random(_SEED)  # noqa: S311 - no cryptography
    spots: Counter[str] = Counter()
    n_sessions = n_equal = 0
    while spots.total() < n_kills:
        session = new_session(n_sessions)
        is_first = True
        while spots.total() < n_kills and (is_first or rng.random() < _KILLED_AGAIN):
            spot = session.kill_after(rng.uniform(0, seconds))
            is_first = False
            if spot is None:  # it was faster than the undisturbed one
                break
            spots[spot] += 1
            if spot == _SPOTS[4]:
                break
        over = session.is_completed()
        found = session.outcome(expected.metrics if over else session.run())
        n_sessions += 1
        n_equal += found == expected
    return Tally(len(expected.rows[RESULTS.name]), seconds, spots, n_sessions, n_equal)


def section(tally: Tally) -> str:
    """Return what the page says."""
    n_kills = tally.spots.total()
    fell: list[dict[str, object]] = [
        {"the kill fell": spot, "kills": tally.spots[spot]} for spot in _SPOTS
    ]
    return (
        f"{n_kills} kills (SIGKILL) at random moments of a run over {tally.n_cases:,} cases that "
        f"takes {tally.seconds:.1f} s undisturbed, {tally.n_sessions} sessions; "
        f"{tally.n_equal} of them ended with the same metrics and the same "
        "result for every case, bit for bit, as the undisturbed one, in one session each.\n\n"
        f"{table(fell)}"
    )


def main() -> None:
    """Kill, compare, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=_N_KILLS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radtune-faults-") as folder:
        tally = kill_training(Ground(Path(folder), _N_RECORDS_PER_SITE), arguments.kills)
    write_section("train", section(tally), PAGE)
    print(section(tally))
    if tally.n_equal < tally.n_sessions:
        sys.exit(f"{tally.n_sessions - tally.n_equal} sessions ended otherwise")


if __name__ == "__main__":
    main()
