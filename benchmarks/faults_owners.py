"""Kill the process that runs a study, cut it off, start several at once: exactly one goes on."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.faults_ground import (
    EXIT_TAKEN,
    GATE_CODES,
    Crew,
    FaultError,
    Ground,
    Process,
    Witness,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEED = 11
_LONGEST_PAUSE_S = 1.2  # before a kill: trials are written each second
_SHARE_WRITING = 0.25  # of the kills: those that fall on a process that writes
_N_BEFORE = 20  # trials before a process is cut off


def kill_coordinators(
    ground: Ground,
    url: str,
    n_kills: int,
    *,
    n_trials: int = 600,
    strategies: Sequence[str] = ("tpe", "auto"),
) -> dict[str, object]:
    """Kill whoever runs a study, one study after the other, until there were enough kills.

    A study worker waits beside `optimize`, which is started again after each kill. Kills of
    processes that have no trial in hand do not count.

    Parameters
    ----------
    ground : Ground
    url : str
        Of an empty database.
    n_kills : int
    n_trials : int
        Of each study, at most.
    strategies : sequence of str
        In turn.
    """
    started = time.monotonic()
    killer = _Killer()
    n_studies = 0
    while len(killer.in_hand) < n_kills:
        strategy = strategies[n_studies % len(strategies)]
        name = f"study-{n_studies}"
        ground.submit(url, name, n_trials, strategy)
        with Witness(url, name) as witness, Crew() as crew:
            while not witness.is_finished():
                if not crew.running("worker"):
                    crew.add(ground.worker(url, name))
                if not crew.running("optimize"):
                    crew.add(ground.optimize(url, name, n_trials, strategy=strategy))
                if len(killer.in_hand) == n_kills:
                    break
                killer.kill_one(crew, witness)
            for process in crew.all:
                if process.code != -signal.SIGKILL:
                    process.wait_for_end(0, *GATE_CODES, EXIT_TAKEN)
            witness.check(ground.expected(strategy, n_trials))
            crew.check_relay()
        n_studies += 1
    n = killer.in_hand
    return {
        "kills": len(n),
        "while trials were written": killer.n_writing,
        "of `optimize`": killer.verbs["optimize"],
        "of `worker`": killer.verbs["worker"],
        "trials in hand: fewest, median, most": f"{min(n)}, {median(n):.0f}, {max(n)}",
        "studies": n_studies,
        "seconds": round(time.monotonic() - started),
    }


class _Killer:
    """Kills processes at random moments while they have trials in hand.

    Attributes
    ----------
    verbs : dict
        What the killed processes ran, to their number.
    in_hand : list of int
        Trials that each kill lost, to be run again.
    n_writing : int
        Kills while trials were written.
    """

    def __init__(self) -> None:
        self.verbs: Counter[str] = Counter()
        self.in_hand: list[int] = []
        self.n_writing = 0
        self._rng = random.Random(_SEED)  # noqa: S311 - no cryptography

    def kill_one(self, crew: Crew, witness: Witness) -> None:
        """Kill who runs the study, unless it is finished before."""
        found: list[Process] = []

        def is_there() -> bool:
            owner = witness.owner()
            found[:] = [p for p in crew.running() if p.pid == owner and p.notes.has_in_hand]
            return bool(found) or witness.is_finished()

        witness.wait_for(is_there, "a process with trials in hand")
        if found and self._aim(found[0], witness) and found[0].kill():
            notes, n_there = found[0].notes, witness.look()
            if notes.has_in_hand:  # else it has written them this very moment
                self.in_hand.append(notes.n_run - n_there)
                self.n_writing += notes.is_writing
                self.verbs[found[0].verb] += 1

    def _aim(self, victim: Process, witness: Witness) -> bool:
        """Wait for the moment; tell whether it comes before the end."""
        is_to_write = self._rng.random() < _SHARE_WRITING
        until = time.monotonic() + self._rng.uniform(0, _LONGEST_PAUSE_S)
        while victim.code is None and not witness.is_finished():
            notes = victim.notes
            is_moment = notes.is_writing if is_to_write else time.monotonic() > until
            if notes.has_in_hand and is_moment:
                return True
        return False


def cut_off(ground: Ground, url: str, *, is_held: bool, n_trials: int = 600) -> dict[str, object]:
    """Cut the connections of `optimize` while it is started again and a study worker waits.

    Parameters
    ----------
    ground : Ground
    url : str
        Of an empty database on a PostgreSQL server.
    is_held : bool
        Whether it stands still (SIGSTOP) until another one has taken up the study, and then goes
        on with trials in hand.
    n_trials : int
    """
    with Witness(url, "cut") as witness, Crew() as crew:
        old = crew.add(ground.optimize(url, "cut", n_trials))
        witness.wait_for_trials(_N_BEFORE)
        waiting = crew.add(ground.worker(url, "cut"))
        witness.wait_for(lambda: witness.n_connections(waiting) > 0, "the worker")
        again = crew.add(ground.optimize(url, "cut", n_trials))
        if not is_held:
            witness.wait_for(
                lambda: witness.n_connections(again) > 0 or again.code is not None, "the second"
            )
        witness.wait_for(lambda: old.notes.has_in_hand, "trials in hand")
        if is_held:
            old.send(signal.SIGSTOP)
        n_cuts = witness.cut(old)
        if is_held:
            witness.wait_for(lambda: witness.owner() != old.pid, "another one")
            old.send(signal.SIGCONT)
            old.wait_for_end(EXIT_TAKEN)
        codes = [one.wait_for_end(*GATE_CODES, EXIT_TAKEN) for one in (old, again)]
        waiting.wait_for_end(0)
        witness.check(ground.expected("tpe", n_trials))
        crew.check_relay()
        done = [code != EXIT_TAKEN for code in codes] + ["here: 'cut'" in waiting.output]
    if done.count(True) != 1:
        raise FaultError(f"not one process has finished the study: {codes}, {waiting.output}")
    who = ("it itself", "`optimize`, started again", "the worker")[done.index(True)]
    return {"it": "stood still" if is_held else "ran", "connections": n_cuts, "went on": who}


def start_at_once(ground: Ground, url: str, n_programs: int = 4, n_trials: int = 200) -> None:
    """Start `optimize` several times, with the same new study in a database that is not there."""
    with Crew() as crew:
        for _ in range(n_programs):
            crew.add(ground.optimize(url, "shared", n_trials))
        codes = [one.wait_for_end(*GATE_CODES, EXIT_TAKEN) for one in crew.all]
    if codes.count(EXIT_TAKEN) != n_programs - 1:
        raise FaultError(f"{n_programs} programs with one study ended with {codes}")
    with Witness(url, "shared") as witness:
        witness.check(ground.expected("tpe", n_trials))
        if (n_studies := witness.count_studies()) != 1:
            raise FaultError(f"{n_programs} programs made {n_studies} studies of one name")
