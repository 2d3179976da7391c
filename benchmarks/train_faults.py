"""``make test-faults``: kill `radtune train` at random moments, run it again, compare.

Every session runs in a folder of its own, without a feature bank: a kill may fall into the start,
the computing of facts, a checkpoint or the end. Half of the runs that go on are killed again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from benchmarks.page import write_section
from objectives.configuration import PROJECT_ROOT
from objectives.session_schema import open_database
from objectives.session_tables import PERFORMANCE, RESULTS, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = PROJECT_ROOT / "docs" / "reliability.md"
_N_KILLS = 50
_KILLED_AGAIN = 0.5  # share of the runs that go on
_SEED = 11
_N_RECORDS_PER_SITE = 150
_STORAGE = "sqlite:///training_sessions.db"
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


class _Session:
    """One session in a folder of its own.

    Parameters
    ----------
    folder, data : Path
    storage : str
        URL of its database.
    n_workers : int
    """

    def __init__(self, folder: Path, data: Path, storage: str, n_workers: int) -> None:
        folder.mkdir()
        self._n_workers = n_workers
        text = (PROJECT_ROOT / "config.yaml").read_text(encoding="utf-8")
        (folder / "config.yaml").write_text(text.replace(_STORAGE, storage), encoding="utf-8")
        self._folder, self._data, self._cache = folder, data, folder / "cache"
        self._url = storage.replace(":///", f":///{folder}/") if storage == _STORAGE else storage

    def start(self) -> subprocess.Popen[str]:
        """Start the command that is always the same."""
        program = str(PROJECT_ROOT / "scripts" / "run_training.py")
        own = ("--dataset-dir", str(self._data), "--max-workers", str(self._n_workers))
        return subprocess.Popen(  # noqa: S603 - this program
            [sys.executable, program, "train", *_OPTIONS, *own],
            cwd=self._folder,
            env={**os.environ, "RADTUNE_CACHE": str(self._cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def know_catalogue_of(self, other: _Session) -> None:
        """Take over what another session keeps of the catalogue, but no bank."""
        shutil.copytree(other._cache, self._cache, ignore=shutil.ignore_patterns("*bank-*"))

    def kill_after(self, seconds: float) -> str | None:
        """Kill a run after some time; tell where that fell, or None when it was over before."""
        with self.start() as run:
            try:
                run.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                run.kill()
            else:
                return None
        return self._spot()

    def run(self) -> dict[str, Any]:
        """Run to the end and return what was printed."""
        with self.start() as run:
            printed, _ = run.communicate()
        if run.returncode:
            raise RuntimeError(f"train ended with code {run.returncode} in {self._folder}")
        document: dict[str, Any] = json.loads(printed)
        return {key: value for key, value in document.items() if key not in _OWN_METRICS}

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
    n_kills: int,
    folder: Path,
    seed: int = _SEED,
    new_storage: Callable[[], str] | None = None,
    *,
    most_workers: int = 2,
    n_records_per_site: int = _N_RECORDS_PER_SITE,
) -> Tally:
    """Kill runs at random moments until there were enough kills, and finish each session.

    Parameters
    ----------
    n_kills : int
    folder : Path
        For the data and the sessions.
    seed : int
        Of the moments; where in its work a run is then depends on the machine.
    new_storage : callable, optional
        Returns the URL of an empty database; a SQLite file in each session's folder when not
        given.
    most_workers : int
        Sessions have one process, two and so on in turn.
    n_records_per_site : int
    """
    data = _few_data(folder, n_records_per_site)

    def new_session(name: str, number: int) -> _Session:
        storage = new_storage() if new_storage else _STORAGE
        return _Session(folder / name, data, storage, number % most_workers + 1)

    first = new_session("first", 0)
    first.run()
    undisturbed = new_session("undisturbed", 0)
    undisturbed.know_catalogue_of(first)
    started = time.perf_counter()
    metrics = undisturbed.run()
    seconds = time.perf_counter() - started
    expected = undisturbed.outcome(metrics)
    rng = random.Random(seed)  # noqa: S311 - no cryptography
    spots: Counter[str] = Counter()
    n_sessions = n_equal = 0
    while spots.total() < n_kills:
        session = new_session(f"session-{n_sessions}", n_sessions)
        session.know_catalogue_of(first)
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


def _few_data(folder: Path, n_records: int) -> Path:
    """Write the first records of each site."""
    data = folder / "data"
    data.mkdir()
    for path in (PROJECT_ROOT / "data" / "training").glob("*.json"):
        records = json.loads(path.read_text(encoding="utf-8"))[:n_records]
        (data / path.name).write_text(json.dumps(records), encoding="utf-8")
    return data


def section(tally: Tally) -> str:
    """Return what the page says."""
    n_kills = tally.spots.total()
    lines = [
        f"{n_kills} kills (SIGKILL) at random moments of a run over {tally.n_cases:,} cases that "
        f"takes {tally.seconds:.1f} s undisturbed, {tally.n_sessions} sessions; "
        f"{tally.n_equal} of them ended with the same metrics and the same "
        "result for every case, bit for bit, as the undisturbed one, in one session each.",
        "",
        "| the kill fell | kills |",
        "|---|---|",
        *(f"| {spot} | {tally.spots[spot]} |" for spot in _SPOTS),
    ]
    return "\n".join(lines)


def main() -> None:
    """Kill, compare, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=_N_KILLS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radtune-faults-") as folder:
        tally = kill_training(arguments.kills, Path(folder))
    write_section("train", section(tally), PAGE)
    print(section(tally))
    if tally.n_equal < tally.n_sessions:
        sys.exit(f"{tally.n_sessions - tally.n_equal} sessions ended otherwise")


if __name__ == "__main__":
    main()
