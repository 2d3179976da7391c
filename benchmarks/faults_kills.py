"""Kill workers at random moments; start others in their place."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults_ground import (
    AT_WORK,
    SPOTS,
    STARTING,
    Crew,
    FaultError,
    Ground,
    Witness,
    check_same,
)

if TYPE_CHECKING:
    from benchmarks.faults_ground import Process, Seen

_SEED = 11
_PAUSE_S = (0.2, 3.4)  # between kills: a worker needs some seconds to start
_SHARE_AT_RANDOM = 0.25  # of the kills; the others fall on workers that have trials in hand


class KillTally(NamedTuple):
    """What came of the kills, when every study has ended as it should.

    Attributes
    ----------
    spots : dict
        Where kills fell, to their number.
    n_studies, n_synchronous : int
    n_trials : int
        Of each study.
    n_workers : int
        At a time.
    seconds : float
    """

    spots: Counter[str]
    n_studies: int
    n_synchronous: int
    n_trials: int
    n_workers: int
    seconds: float


def kill_workers(
    ground: Ground,
    url: str,
    n_kills: int,
    *,
    n_trials: int = 600,
    n_workers: int = 4,
    seed: int = _SEED,
) -> KillTally:
    """Kill workers of one study after the other until there were enough kills.

    Every other study is synchronous; its trials must be those of an undisturbed worker.

    Parameters
    ----------
    ground : Ground
    url : str
        Of an empty database.
    n_kills : int
        Of workers that have signed on; kills of such as only start come on top.
    n_trials : int
        Of each study.
    n_workers : int
    seed : int
        Of the moments.

    Raises
    ------
    FaultError
    """
    started = time.monotonic()
    ground.submit(url, "undisturbed", n_trials, synchronous=True)
    ground.run_to_end(url, "undisturbed")
    with Witness(url, "undisturbed") as undisturbed:
        undisturbed.look()
    killer = _Killer(n_kills, n_workers, seed)
    n_studies = 0
    while killer.n_left:
        name, synchronous = f"study-{n_studies}", n_studies % 2 == 0
        ground.submit(url, name, n_trials, synchronous=synchronous)
        trials = killer.run(ground, url, name)
        if len(trials) != n_trials:
            raise FaultError(f"{name} has {len(trials)} trials, not {n_trials}")
        if synchronous:
            check_same(trials, undisturbed.trials, name)
        n_studies += 1
    seconds = time.monotonic() - started
    return KillTally(killer.spots, n_studies, (n_studies + 1) // 2, n_trials, n_workers, seconds)


class _Killer:
    """Kills workers until there were enough kills.

    Parameters
    ----------
    n_kills, n_workers, seed : int

    Attributes
    ----------
    spots : dict
        Where kills fell, to their number.
    """

    def __init__(self, n_kills: int, n_workers: int, seed: int) -> None:
        self.spots: Counter[str] = Counter()
        self._n_kills, self._n_workers = n_kills, n_workers
        self._rng = random.Random(seed)  # noqa: S311 - no cryptography

    @property
    def n_left(self) -> int:
        """Kills of workers that have signed on that are still to come."""
        return self._n_kills - (self.spots.total() - self.spots[STARTING])

    def run(self, ground: Ground, url: str, name: str) -> list[Seen]:
        """Kill workers of a study as long as it runs; return the trials that it then has."""
        with Witness(url, name) as witness, Crew(ground, url, name, self._n_workers) as crew:
            while self.n_left:
                time.sleep(self._rng.uniform(*_PAUSE_S))
                victim = self._choose(crew, witness)
                if victim is None:
                    break  # one of them has found the study finished
                spot = witness.spot(victim.pid)
                victim.kill()
                if victim.code != -signal.SIGKILL:
                    break  # it was faster
                self.spots[spot] += 1
                witness.look()
                crew.fill()
            crew.wait_for_end()
            for process in crew.all:
                if process.code not in {0, -signal.SIGKILL}:
                    raise FaultError(f"a worker ended with {process.code}:\n{process.output}")
                process.check_output()
            witness.look()
            return witness.trials

    def _choose(self, crew: Crew, witness: Witness) -> Process | None:
        """Choose a worker, mostly one at work and as soon as there is one; None at the end."""
        anyone = self._rng.random() < _SHARE_AT_RANDOM
        among: list[Process] = []

        def is_found() -> bool:
            running = crew.running()
            is_over = len(running) < self._n_workers
            among[:] = [
                one
                for one in running
                if not is_over and (anyone or witness.spot(one.pid) == AT_WORK)
            ]
            return is_over or bool(among)

        witness.wait_for(is_found, "a worker with trials in hand")
        return self._rng.choice(among) if among else None


def kills_table(tallies: dict[str, KillTally]) -> str:
    """Return what the page says.

    Parameters
    ----------
    tallies : dict
        Name of the database to what came of its kills.
    """
    first = next(iter(tallies.values()))
    lines = [
        f"{first.n_workers} workers at a time; studies of {first.n_trials:,} trials (TPE), every "
        "other one synchronous. Nothing was lost, double, changed or unfinished at any look (one "
        "after each kill); every study ended with its budget, the synchronous ones with the same "
        "trials as one undisturbed worker runs, bit for bit.",
        "",
        f"| the kill fell | {' | '.join(tallies)} |",
        f"|---|{'---|' * len(tallies)}",
    ]
    rows = [(spot, [one.spots[spot] for one in tallies.values()]) for spot in SPOTS]
    rows.append(("kills in all", [one.spots.total() for one in tallies.values()]))
    rows.append(("studies", [one.n_studies for one in tallies.values()]))
    rows.append(("of these synchronous", [one.n_synchronous for one in tallies.values()]))
    rows.append(("seconds", [round(one.seconds) for one in tallies.values()]))
    lines += [f"| {what} | {' | '.join(map(str, counts))} |" for what, counts in rows]
    return "\n".join(lines)
