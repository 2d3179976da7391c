"""The default: exact line search, TPE for what it cannot move, an end when neither gains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from studies.samplers.base import Strategy
from studies.samplers.line_search import LineSearch
from studies.samplers.tpe import TPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.samplers.base import Problem
    from studies.trial import Trial

_N_TPE = 3  # trials of TPE before the line search starts again
_N_ROUNDS = 7  # without a better value, after which the study ends


class Auto(Strategy):
    """Climbs by line search; where no line leads up, tries TPE, then climbs from a new start.

    A round is one such climb with the trials of TPE that follow it.
    """

    name = "auto"
    summary = "line search, then TPE and a new start; for every study"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._line_search = LineSearch(problem)
        self._tpe = TPE(problem)

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        n_tpe = _n_last_of_tpe(history)
        if n_tpe == 0 or _is_best(history):
            step = self._line_search.climb(history, numbers.start)
            if step is not None:
                return [step]
        if n_tpe >= _N_TPE:
            return [self._line_search.start_again(history, numbers.start)]
        return self._tpe.proposals(history, numbers)

    @override
    def ended(self, history: Sequence[Trial]) -> str | None:
        values = [tried.feasible_value or 0.0 for tried in history]
        best = values.index(max(values, default=0.0)) if history else 0
        n_in_vain = sum(tried.origin == TPE.name for tried in history[best + 1 :])
        if n_in_vain < _N_ROUNDS * _N_TPE:
            return None
        return f"neither line search nor TPE gained in {_N_ROUNDS} rounds"


def _n_last_of_tpe(history: Sequence[Trial]) -> int:
    """Count the trials of TPE at the end."""
    n_last = 0
    for tried in reversed(history):
        if not tried.origin.startswith(TPE.name):
            break
        n_last += 1
    return n_last


def _is_best(history: Sequence[Trial]) -> bool:
    """Tell whether the last trial is better than every one before it."""
    value = history[-1].feasible_value
    return value is not None and all(value > (one.feasible_value or 0.0) for one in history[:-1])
