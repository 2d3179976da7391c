"""Let many workers run one study at a time, and measure what they get done."""

from __future__ import annotations

import time
from typing import NamedTuple

from benchmarks.faults_ground import FOREVER, Crew, Ground, Witness

_LOOK_EVERY_S = 5.0


class Crowd(NamedTuple):
    """What workers have got done, nothing of it lost.

    Attributes
    ----------
    n_workers : int
    n_trials : int
        Within `seconds`.
    seconds : float
        From when all were at work.
    n_looks : int
        At every trial of the study, meanwhile.
    """

    n_workers: int
    n_trials: int
    seconds: float
    n_looks: int

    @property
    def rate(self) -> float:
        """Trials a second."""
        return self.n_trials / self.seconds


def run_crowd(ground: Ground, url: str, name: str, n_workers: int, seconds: float) -> Crowd:
    """Let workers run a study for a time, then stop them all (SIGTERM).

    Raises
    ------
    FaultError
    """
    ground.submit(url, name, FOREVER)
    with Witness(url, name) as witness, Crew(ground, url, name, n_workers) as crew:
        witness.wait_for(lambda: witness.n_signed_on() == n_workers, "every worker")
        witness.wait_for_trials(1)
        before, started, n_looks = witness.count(), time.monotonic(), 0
        while time.monotonic() - started < seconds:
            time.sleep(min(_LOOK_EVERY_S, seconds))
            witness.look()
            n_looks += 1
        lasted, n_trials = time.monotonic() - started, witness.count() - before
        crew.stop()
        witness.look()
    return Crowd(n_workers, n_trials, lasted, n_looks)


def crowd_table(pairs: dict[str, tuple[Crowd, Crowd]]) -> str:
    """Return what the page says.

    Parameters
    ----------
    pairs : dict
        Name of the database to one worker, and many.
    """
    lines = [
        "| database | workers | trials | seconds | trials/s | of one worker | looks |",
        "|---|---|---|---|---|---|---|",
    ]
    for database, pair in pairs.items():
        lines += [
            f"| {database} | {one.n_workers} | {one.n_trials:,} | {one.seconds:.0f} "
            f"| {one.rate:.1f} | {one.rate / pair[0].rate:.2f} | {one.n_looks} |"
            for one in pair
        ]
    return "\n".join(lines)
