"""Take the database away from workers, cut their connections, set their clock back."""

from __future__ import annotations

import json
import random
import signal
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

import sqlalchemy as sa

from benchmarks.faults_ground import (
    EXIT_INTERRUPTED,
    FOREVER,
    STOPPED,
    Crew,
    FaultError,
    Ground,
    Witness,
    check_same,
)

if TYPE_CHECKING:
    from studies.postgres_server import PostgresServer

AWAY = "the database is away"
_SEED = 13
_N_AT_LEAST = 40  # trials before, and after, what disturbs them
_N_AFTER = 60  # trials with which the study is then finished
_LONGEST_CUT_PAUSE_S = 0.5
_CUT = sa.text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.7"
)
# A clock that goes back an hour before the trial's time number `set_back_at` is taken.
_CLOCK = """
import datetime, itertools
from studies import runner
calls = itertools.count()
class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        back = datetime.timedelta(hours=1 if next(calls) >= {set_back_at} else 0)
        return datetime.datetime.now(tz) - back
runner.datetime = Clock
from scripts.run_training import main
main()
"""


class Outage(NamedTuple):
    """What came of a disturbance that the workers have lived through.

    Attributes
    ----------
    what : str
    n_workers : int
    seconds : float
        That the database was away, or that connections were cut for.
    n_cuts : int
        Connections that were cut.
    n_before, n_trials : int
        Trials at its beginning, and at the end of the study.
    seconds_after : float
        From its end until the first new trial was there.
    """

    what: str
    n_workers: int
    seconds: float
    n_cuts: int
    n_before: int
    n_trials: int
    seconds_after: float


def stop_server(
    ground: Ground,
    server: PostgresServer,
    seconds: float,
    mode: Literal["fast", "immediate"],
    n_workers: int = 3,
) -> Outage:
    """Stop PostgreSQL for a time while workers run a study.

    Raises
    ------
    FaultError
        Also when a worker ends, or does not say that the database is away.
    """
    url = server.new_database()
    ground.submit(url, "outage", FOREVER)
    with Witness(url, "outage") as witness, Crew(ground, url, "outage", n_workers) as crew:
        _wait_until_busy(witness, n_workers)
        n_before = witness.look()
        server.stop(mode)
        try:
            time.sleep(seconds)
        finally:
            server.start()
        n_there = witness.look()
        after = witness.wait_for(lambda: witness.count() > n_there, "trials after the outage")
        witness.wait_for_trials(n_there + _N_AT_LEAST)
        witness.wait_for(lambda: witness.n_at_work() == n_workers, "every worker")
        witness.look()
        crew.stop()
        for worker in crew.all:
            if AWAY not in worker.output:
                raise FaultError(f"a worker does not say that it waits:\n{worker.output}")
        n_trials = _finish(ground, url, witness)
    return Outage(f"server stopped ({mode})", n_workers, seconds, 0, n_before, n_trials, after)


def stop_while_away(ground: Ground, server: PostgresServer) -> float:
    """Ask a worker to end while PostgreSQL is stopped; let another one finish the study.

    Returns
    -------
    float
        Seconds until it had ended.

    Raises
    ------
    FaultError
        Also when it does not end as promised before the server is back.
    """
    url = server.new_database()
    ground.submit(url, "told", FOREVER)
    with Witness(url, "told") as witness:
        worker = ground.worker(url, "told")
        try:
            witness.wait_for_trials(_N_AT_LEAST)
            witness.look()
            server.stop("fast")
            try:
                witness.wait_for(lambda: AWAY in worker.output, "a worker that waits")
                worker.send(signal.SIGTERM)
                seconds = witness.wait_for(lambda: worker.code is not None, "its end")
            finally:
                server.start()
            worker.wait_for_end(EXIT_INTERRUPTED)
            if STOPPED not in worker.output:
                raise FaultError(f"it says no way on:\n{worker.output}")
        finally:
            worker.end_family()
        _finish(ground, url, witness)
    return seconds


def cut_connections(
    ground: Ground, server: PostgresServer, seconds: float, n_workers: int = 3, seed: int = _SEED
) -> Outage:
    """Cut connections (``pg_terminate_backend``) at random moments while workers run a study.

    Raises
    ------
    FaultError
        Also when a worker ends.
    """
    url = server.new_database()
    rng = random.Random(seed)  # noqa: S311 - no cryptography
    ground.submit(url, "cuts", FOREVER)
    cutter = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with Witness(url, "cuts") as witness, Crew(ground, url, "cuts", n_workers) as crew:
        _wait_until_busy(witness, n_workers)
        n_before, n_cuts = witness.look(), 0
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            with cutter.connect() as connection:
                n_cuts += connection.scalar(_CUT) or 0
            time.sleep(rng.uniform(0, _LONGEST_CUT_PAUSE_S))
        cutter.dispose()
        n_there = witness.look()
        after = witness.wait_for(lambda: witness.count() > n_there, "trials after the cuts")
        witness.wait_for_trials(n_there + _N_AT_LEAST)
        witness.wait_for(lambda: witness.n_at_work() == n_workers, "every worker")
        crew.stop()
        n_trials = _finish(ground, url, witness)
    return Outage("connections cut", n_workers, seconds, n_cuts, n_before, n_trials, after)


def _wait_until_busy(witness: Witness, n_workers: int) -> None:
    witness.wait_for_trials(_N_AT_LEAST)
    witness.wait_for(lambda: witness.n_at_work() == n_workers, "every worker")


def _finish(ground: Ground, url: str, witness: Witness) -> int:
    """Let one worker finish a study; return its trials, all that were there before among them."""
    n_trials = witness.look() + _N_AFTER
    name = witness.name
    ground.submit(url, name, n_trials)
    ground.run_to_end(url, name)
    if witness.look() != n_trials:
        raise FaultError(f"{name} has {len(witness.trials)} trials, not {n_trials}")
    return n_trials


def set_clock_back(ground: Ground, url: str, n_trials: int = 120) -> None:
    """Set the clock of one of two workers back an hour in the middle of a study.

    The study is synchronous: its trials must be those of a worker whose clock is right.

    Raises
    ------
    FaultError
        Also when `status` tells of impossible rates or times.
    """
    ground.submit(url, "right", n_trials, synchronous=True)
    ground.run_to_end(url, "right")
    ground.submit(url, "clock", n_trials, synchronous=True)
    code = _CLOCK.format(set_back_at=n_trials // 4)
    options = ("worker", "--storage", url, "--study", "clock")
    workers = [ground.start(*options, python=code), ground.worker(url, "clock")]
    with Witness(url, "right") as right, Witness(url, "clock") as witness:
        try:
            while any(worker.code is None for worker in workers):
                _check_status(ground, url, n_trials)
                witness.look()
            for worker in workers:
                worker.wait_for_end(0)
        finally:
            for worker in workers:
                worker.end_family()
        witness.look()
        right.look()
        check_same(witness.trials, right.trials, "with a clock that was set back")
    _check_status(ground, url, n_trials, "finished")


def _check_status(ground: Ground, url: str, n_trials: int, state: str | None = None) -> None:
    process = ground.start("status", "--json", "--storage", url)
    process.wait_for_end(0)
    (found,) = [one for one in json.loads(process.output)["studies"] if one["name"] == "clock"]
    rate, left = found["rate"], found["seconds_left"]
    is_sane = (rate is None or rate > 0) and (left is None or left >= 0)
    is_done = state is None or (found["state"], found["n_trials"]) == (state, n_trials)
    if not is_sane or not is_done:
        raise FaultError(f"status says {found}")


def outages_table(outages: list[Outage], seconds_to_end: float) -> str:
    """Return what the page says.

    Parameters
    ----------
    outages : list of Outage
    seconds_to_end : float
        Of `stop_while_away`.
    """
    lines = [
        "| what | workers | seconds | connections cut | trials before | at the end "
        "| seconds from its end to the next trial |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.what} | {one.n_workers} | {one.seconds:.0f} | {one.n_cuts or '-'} "
        f"| {one.n_before} | {one.n_trials} | {one.seconds_after:.1f} |"
        for one in outages
    ]
    lines += [
        "",
        "A worker that gets SIGTERM while the server is stopped ended with code "
        f"{EXIT_INTERRUPTED} after {seconds_to_end:.1f} s; another one finished the study.",
    ]
    return "\n".join(lines)
