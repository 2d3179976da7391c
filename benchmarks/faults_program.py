"""The program, run by those who disturb it: it notes how far its coordinator is.

usage: python -m benchmarks.faults_program NOTES SET_BACK_AT VERB ...

NOTES is a file (`benchmarks.faults_ground.Notes`). From the trial SET_BACK_AT on the clock is an
hour slow; -1 leaves it alone.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch

from typing_extensions import override

from benchmarks.faults_ground import Notes
from scripts.run_training import main
from studies.coordinator import Coordinator
from studies.storage.ownership import Ownership

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from optuna.trial import FrozenTrial

    from studies.storage.ownership import Standing, Summary

_HOUR = timedelta(hours=1)


def run_noted(notes_file: str, set_back_at: int) -> None:
    """Run the program with the arguments of this process."""
    file = os.open(notes_file, os.O_CREAT | os.O_WRONLY)
    noted = Notes(0, 0, 0, is_writing=False)
    # the private one is where every trial passes
    begin, learn, write = Coordinator.__init__, Coordinator._learn, Ownership.write  # noqa: SLF001

    def note(**changed: Any) -> None:  # noqa: ANN401 - of any field
        nonlocal noted
        noted = noted._replace(**changed)
        os.pwrite(file, noted.packed(), 0)  # in one piece, and there though this process is killed

    def begun(self: Coordinator, *given: Any, **named: Any) -> None:  # noqa: ANN401 - whatever it takes
        begin(self, *given, **named)
        n_known = len(self.records)
        note(n_known=n_known, n_run=n_known, n_written=n_known)

    def learned(self: Coordinator, record: FrozenTrial) -> None:
        learn(self, record)
        note(n_run=len(self.records))

    def written(
        self: Ownership, trials: Sequence[FrozenTrial], first_number: int, summary: Summary
    ) -> Standing:
        note(is_writing=bool(trials))
        standing = write(self, trials, first_number, summary)
        note(is_writing=False, n_written=first_number + len(trials))
        return standing

    class Clock(datetime):
        @classmethod
        @override
        def now(cls, tz: tzinfo | None = None) -> Self:
            is_slow = 0 <= set_back_at <= noted.n_run
            return super().now(tz) - _HOUR if is_slow else super().now(tz)

    with (
        patch.object(Coordinator, "__init__", begun),
        patch.object(Coordinator, "_learn", learned),
        patch.object(Ownership, "write", written),
        patch("studies.coordinator.datetime", Clock),
    ):
        main()


if __name__ == "__main__":
    given = sys.argv[1:3]
    del sys.argv[1:3]
    run_noted(given[0], int(given[1]))
