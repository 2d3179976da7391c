"""What every verb shares: shared options, JSON, errors and progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from objectives.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from objectives.cases import BadRecord

_SHOWN_BAD_RECORDS = 5

ConfigOption = Annotated[
    Path, typer.Option("--config", help="Configuration file.", show_default="config.yaml")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]
DatasetOption = Annotated[
    list[Path] | None,
    typer.Option("--dataset", help="Training file; may be repeated. [default: every file]"),
]
DatasetDirOption = Annotated[
    Path | None,
    typer.Option(help="Folder of training files. [default: data.training_dir of the config]"),
]


def as_document(value: object) -> object:
    """Turn named tuples, paths and enumerations into what JSON can write."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return as_document(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): as_document(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [as_document(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(json.dumps(as_document(document), ensure_ascii=False) + "\n")


def warn(line: str) -> None:
    """Print a line for the user that is no part of the output, identifiers masked."""
    sys.stderr.write(mask(line) + "\n")


def warn_bad_records(bad_records: Sequence[BadRecord]) -> None:
    """Say which records were left out, the first few by position."""
    for record in bad_records[:_SHOWN_BAD_RECORDS]:
        warn(f"left out: {record}")
    if len(bad_records) > _SHOWN_BAD_RECORDS:
        warn(f"left out: {len(bad_records) - _SHOWN_BAD_RECORDS} more records")


class TrialProgress:
    """Shows a study's progress: a bar on a terminal, lines otherwise; always on stderr.

    Parameters
    ----------
    bar : rich.progress.Progress or None
        None when stderr is no terminal.
    """

    _N_LINES = 10

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = bar.add_task("best      -", total=None) if bar else None

    def say(self, line: str) -> None:
        """Print a line."""
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            warn(line)

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        """Move the bar, or print a line every tenth of the study."""
        if self._bar and self._task is not None:
            self._bar.update(
                self._task, completed=n_done, total=n_trials, description=f"best {best_value:.4f}"
            )
        elif n_done % max(1, n_trials // self._N_LINES) == 0:
            warn(f"trial {n_done}/{n_trials}  best value {best_value:.4f}")


@contextmanager
def trial_progress() -> Iterator[TrialProgress]:
    """Open the progress display of a study."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield TrialProgress(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trials"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield TrialProgress(bar)


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
