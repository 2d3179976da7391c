"""Take the database away from workers, cut their connections, set a clock back, send signals."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING, Literal

from benchmarks.faults_ground import (
    AWAY,
    EXIT_INTERRUPTED,
    FOREVER,
    Crew,
    FaultError,
    Ground,
    Witness,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.postgres_server import PostgresServer

_SEED = 13
_N_BEFORE = 40  # trials before, and after, what disturbs them
_LONGEST_CUT_PAUSE_S, _SHARE_CUT = 0.5, 0.7
_ASKED = (signal.SIGTERM, signal.SIGINT)  # to end in order; other signals end a process
_IN_THE_MIDDLE, BANK, CLUSTER = "in the middle", "helpers compute a bank", "on a local cluster"
_WITH_HELPERS = 3  # processes: multiprocessing has one of its own
_LONGEST_S = 10.0  # that helpers outlive a killed program


def stop_server(
    ground: Ground, server: PostgresServer, seconds: float, mode: Literal["fast", "immediate"]
) -> dict[str, object]:
    """Stop PostgreSQL for a time while a worker runs a study and another one waits."""

    def disturb(witness: Witness, crew: Crew) -> int:
        server.stop(mode)
        try:
            time.sleep(seconds)
            witness.wait_for(lambda: all(AWAY in one.output for one in crew.all), AWAY)
        finally:
            server.start()
        return 0

    return _outlast(ground, server.new_database(), f"server stopped ({mode})", disturb)


def cut_connections(ground: Ground, server: PostgresServer, seconds: float) -> dict[str, object]:
    """Cut connections (``pg_terminate_backend``) at random moments while workers run a study."""
    rng = random.Random(_SEED)  # noqa: S311 - no cryptography

    def disturb(witness: Witness, crew: Crew) -> int:
        n_cuts, ends_at = 0, time.monotonic() + seconds
        while time.monotonic() < ends_at:
            n_cuts += sum(witness.cut(one) for one in crew.all if rng.random() < _SHARE_CUT)
            time.sleep(rng.uniform(0, _LONGEST_CUT_PAUSE_S))
        return n_cuts

    return _outlast(ground, server.new_database(), "connections cut", disturb)


def _outlast(
    ground: Ground, url: str, what: str, disturb: Callable[[Witness, Crew], int]
) -> dict[str, object]:
    """Disturb a worker that runs a study and one that waits; neither may end."""
    ground.submit(url, "outage", FOREVER)
    with Witness(url, "outage") as witness, Crew() as crew:
        for _ in range(2):
            crew.add(ground.worker(url, "outage"))
        witness.wait_for_trials(_N_BEFORE)
        witness.wait_for(lambda: all(map(witness.n_connections, crew.all)), "both workers")
        n_before, began = witness.look(), time.monotonic()
        n_cuts = disturb(witness, crew)
        lasted, n_there = time.monotonic() - began, witness.look()
        after = witness.wait_for(lambda: witness.count() > n_there, "trials afterwards")
        witness.wait_for_trials(n_there + _N_BEFORE)
        for worker in crew.all:
            worker.send(signal.SIGTERM)
        for worker in crew.all:
            worker.wait_for_end(EXIT_INTERRUPTED)
        n_trials = ground.finish(url, witness)
    return {
        "what": what,
        "seconds": f"{lasted:.0f}",
        "connections cut": n_cuts or "-",
        "trials before": n_before,
        "at the end": n_trials,
        "seconds from its end to the next trial": f"{after:.1f}",
    }


def stop_while_away(ground: Ground, server: PostgresServer) -> float:
    """Ask a worker to end while PostgreSQL is stopped; return how many seconds that takes."""
    url = server.new_database()
    ground.submit(url, "told", FOREVER)
    with Witness(url, "told") as witness, Crew() as crew:
        worker = crew.add(ground.worker(url, "told"))
        witness.wait_for_trials(_N_BEFORE)
        witness.look()
        server.stop("fast")
        try:
            witness.wait_for(lambda: AWAY in worker.output, AWAY)
            worker.send(signal.SIGTERM)
            seconds = witness.wait_for(lambda: worker.code is not None, "its end")
        finally:
            server.start()
        worker.wait_for_end(EXIT_INTERRUPTED)
        ground.finish(url, witness)
    return seconds


def set_clock_back(ground: Ground, url: str, n_trials: int = 120) -> None:
    """Set the clock of a worker back an hour in the middle of a study, and ask for its status."""
    ground.submit(url, "clock", n_trials)
    with Witness(url, "clock") as witness, Crew() as crew:
        worker = crew.add(ground.worker(url, "clock", set_back_at=n_trials // 4))
        while worker.code is None:
            _check_status(ground, url)
            witness.look()
        worker.wait_for_end(0)
        witness.check(ground.expected("tpe", n_trials))
    _check_status(ground, url, ("finished", n_trials))


def _check_status(ground: Ground, url: str, end: tuple[str, int] | None = None) -> None:
    process = ground.start("status", "--json", "--storage", url)
    process.wait_for_end(0)
    (found,) = process.document["studies"]
    rate, left = found["rate"], found["seconds_left"]
    is_sane = (rate is None or rate > 0) and (left is None or left >= 0)
    if not is_sane or (end and end != (found["state"], found["n_trials"])):
        raise FaultError(f"status says {found}")


def stop_all(ground: Ground, new_url: Callable[[], str]) -> list[dict[str, object]]:
    """Send every signal to every command, early and in the middle; let each study go on."""
    return [
        *(stop_one(ground, new_url(), one, "worker") for one in (*_ASKED, signal.SIGHUP)),
        *(
            stop_one(ground, new_url(), one, "optimize", moment)
            for one in (*_ASKED, signal.SIGHUP, signal.SIGKILL)
            for moment in (BANK, _IN_THE_MIDDLE, CLUSTER)
        ),
    ]


def stop_one(
    ground: Ground, url: str, number: signal.Signals, verb: str, moment: str = _IN_THE_MIDDLE
) -> dict[str, object]:
    """Send a signal to a command, then let a worker finish its study.

    Parameters
    ----------
    ground : Ground
    url : str
        Of an empty database.
    number : signal.Signals
        Ctrl-C reaches the helpers, too.
    verb : str
        ``worker`` or ``optimize``.
    moment : str
        While trials are run, helpers compute a bank, or local compute workers score the trials.
    """
    with Witness(url, "stopped") as witness, Crew() as crew:
        if verb == "worker":
            ground.submit(url, "stopped", FOREVER)
            program = crew.add(ground.worker(url, "stopped"))
        else:
            cache = ground.cache_without_banks() if moment == BANK else None
            options = ("--workers", "2") if moment == CLUSTER else ()
            program = crew.add(ground.optimize(url, "stopped", FOREVER, *options, cache=cache))
        if moment == BANK:
            witness.wait_for(lambda: len(program.family()) >= _WITH_HELPERS, "helpers")
        else:
            witness.wait_for_trials(_N_BEFORE)
        if moment == CLUSTER and len(program.family()) < _WITH_HELPERS:
            raise FaultError(f"there is no cluster:\n{program.output}")
        program.send(number, to_all=number is signal.SIGINT)
        seconds = witness.wait_for(lambda: program.code is not None, "its end")
        seconds += witness.wait_for(lambda: not program.family(), "the end of its helpers")
        if number in _ASKED:
            program.wait_for_end(EXIT_INTERRUPTED)
        elif program.code != -number or seconds > _LONGEST_S:
            raise FaultError(f"{verb}: code {program.code}, helpers for {seconds:.0f} s")
        ground.finish(url, witness)
    return {
        "command": f"`{verb}`",
        "signal": number.name,
        "when": moment,
        "ended": f"code {EXIT_INTERRUPTED}" if number in _ASKED else "its helpers, too",
        "seconds": f"{seconds:.1f}",
    }
