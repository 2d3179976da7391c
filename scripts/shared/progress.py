"""Show the progress of long runs on stderr."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from scripts.shared.console import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from objectives.bank.feature_bank import OnCases

_N_LINES = 10  # where there is no bar
_LONGEST_SILENCE_S = 30.0  # there, while trials run


class _CaseProgress:
    """Shows how far the facts of a set of cases are; nothing where they are there already."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._n_told = 0

    def __call__(self, n_done: int, n_cases: int) -> None:
        if self._bar:
            if self._task is None:
                self._task = self._bar.add_task("facts", unit="cases")
            self._bar.update(self._task, completed=n_done, total=n_cases)
        elif n_done == n_cases or n_done - self._n_told >= n_cases / _N_LINES:
            warn(f"facts of {n_done:,}/{n_cases:,} cases")
            self._n_told = n_done % n_cases  # the next set starts anew


class TrialProgress:
    """Shows a study's progress: a bar on a terminal, lines otherwise; always on stderr.

    Parameters
    ----------
    bar : rich.progress.Progress or None
        None when stderr is no terminal.
    """

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._cases = _CaseProgress(bar)
        self._task = bar.add_task("best      -", total=None, unit="trials") if bar else None
        self._told = time.monotonic()

    def say(self, line: str) -> None:
        """Print a line."""
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            warn(line)

    def cases(self, n_done: int, n_cases: int) -> None:
        """Show how far the facts of a set of cases are."""
        self._cases(n_done, n_cases)

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        """Move the bar, or print a line every tenth of the study and every half minute."""
        if self._bar and self._task is not None:
            self._bar.update(
                self._task, completed=n_done, total=n_trials, description=f"best {best_value:.4f}"
            )
            return
        now = time.monotonic()
        is_tenth = n_done % max(1, n_trials // _N_LINES) == 0
        if is_tenth or now - self._told >= _LONGEST_SILENCE_S:
            warn(f"trial {n_done}/{n_trials}  best value {best_value:.4f}")
            self._told = now


@contextmanager
def trial_progress() -> Iterator[TrialProgress]:
    """Open the progress display of a study."""
    with _bar() as bar:
        yield TrialProgress(bar)


@contextmanager
def case_progress() -> Iterator[OnCases]:
    """Open the progress display of a run that may have to compute the facts of its cases."""
    with _bar() as bar:
        yield _CaseProgress(bar)


@contextmanager
def _bar() -> Iterator[Progress | None]:
    """Open a display for any number of tasks; None when stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield bar


@contextmanager
def record_progress() -> Iterator[Callable[[int], None]]:
    """Open the progress display of a mapping run: a bar on a terminal, nothing otherwise."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("records"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)
        yield lambda n_records: bar.update(task, advance=n_records)
