"""When a study ends before its budget: a threshold, a time limit or patience."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple


class StoppingRules(NamedTuple):
    """Rules that end a study early; None switches a rule off.

    Attributes
    ----------
    threshold : float or None
        Value at which the study is good enough, [0, 1].
    timeout : float or None
        Seconds that this run may take.
    patience : int or None
        Trials without a better value.
    """

    threshold: float | None
    timeout: float | None
    patience: int | None


class Stopper:
    """Watches a study and says in words why it should end.

    Parameters
    ----------
    rules : StoppingRules
    started : float, optional
        When the run began, ``time.monotonic`` seconds; now when not given.
    """

    def __init__(self, rules: StoppingRules, started: float | None = None) -> None:
        self._rules = rules
        self._started = time.monotonic() if started is None else started
        self._best = float("-inf")
        self._n_without_gain = 0

    def restart(self, values: Iterable[float | None] = ()) -> None:
        """Forget what was seen, and take note of these values instead."""
        self._best, self._n_without_gain = float("-inf"), 0
        for value in values:
            self.saw(value)

    def saw(self, value: float | None) -> None:
        """Take note of a trial's value; None when it was pruned, failed or infeasible."""
        if value is not None and value > self._best:
            self._best = value
            self._n_without_gain = 0
        else:
            self._n_without_gain += 1

    def reason(self) -> str | None:
        """Return why the study should end now, or None."""
        threshold, _, patience = self._rules
        if threshold is not None and self._best >= threshold:
            return f"the best value reached {threshold:g}"
        if patience is not None and self._n_without_gain >= patience:
            return f"{patience} trials without a better value"
        return None

    def out_of_time(self) -> str | None:
        """Return why this run should end now, though the study may go on, or None."""
        timeout = self._rules.timeout
        if timeout is not None and time.monotonic() - self._started >= timeout:
            return f"the time limit of {timeout:g} s"
        return None
