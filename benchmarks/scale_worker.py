"""Take cases from nothing to their first trial; print seconds and the most memory that took.

usage: python -m benchmarks.scale_worker CASES.json
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Self

from engine.coefficients import effective_coefficients
from objectives.configuration import load_configuration
from objectives.objective import WeightObjective
from objectives.scoring import find_winners
from objectives.workspace import Workspace

_N_WORKERS = 2
_INTERVAL_S = 0.2


class AnonymousMemory:
    """Watches the anonymous memory of this process and its children while a block runs.

    Attributes
    ----------
    peak_mb : float
        The most that was seen; files mapped into memory do not count.
    """

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            processes = [os.getpid(), *_descendants(os.getpid())]
            self.peak_mb = max(self.peak_mb, sum(map(_anonymous_kb, processes)) / 1024)
            if self._over.wait(_INTERVAL_S):
                return


def _descendants(process: int) -> list[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has ended
        return []
    return [one for child in map(int, children) for one in (child, *_descendants(child))]


def _anonymous_kb(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def main() -> None:
    """Run over the cases; the catalogue is read before the clock starts."""
    config = load_configuration()
    workspace = Workspace(config)
    sanity = workspace.bank(workspace.load_sanity().cases).answerable()
    with AnonymousMemory() as memory:
        started = time.perf_counter()
        cases = workspace.load_cases([Path(sys.argv[1])]).cases
        bank = workspace.bank(cases, max_workers=_N_WORKERS)
        built = time.perf_counter()
        find_winners(bank, effective_coefficients(config.weights))
        WeightObjective(bank.answerable(), sanity, config.objective).evaluate(config.weights)
        ended = time.perf_counter()
    found = {
        "n_cases": len(cases),
        "seconds": ended - started,
        "bank_seconds": built - started,
        "peak_mb": memory.peak_mb,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
