"""How a study tells its user what it does."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears how a study goes."""

    def say(self, line: str) -> None:
        """Take a line for the user."""
        ...

    def cases(self, n_done: int, n_cases: int) -> None:
        """Take note of how many of a set of cases have their facts."""
        ...

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        """Take note of a finished trial."""
        ...


class NullProgress:
    """Tells nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""

    def cases(self, n_done: int, n_cases: int) -> None:
        """Do nothing."""

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        """Do nothing."""
