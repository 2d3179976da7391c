"""Write trials without a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.trial import FrozenTrial

    from studies.trial_writer import TrialWriter


def write(writer: TrialWriter, trials: Sequence[FrozenTrial], first_number: int = 0) -> bool:
    """Write trials in a transaction of their own; tell whether it was their turn."""
    with writer.locked() as connection:
        return writer.append(connection, trials, first_number)
