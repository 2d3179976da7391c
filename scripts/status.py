"""``radtune status``: show the progress of every study in a database."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scripts.shared.console import JsonOption, print_json
from scripts.shared.storage import StorageOption, storage_url
from studies.storage.database import opened_storage
from studies.storage.study_queue import list_studies
from support.errors import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.storages import RDBStorage

    from studies.storage.study_queue import StudyStatus

_PAUSE_S = 2.0
_WIDEST = 10_000  # columns that a table may ask for
_COLUMNS = ("study", "state", "trials", "best", "gain", "run by", "trials/s", "time left")


def status(
    storage: StorageOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh every two seconds until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the progress of every study.

    Values are in [0, 1]. The gain is measured on the tuning sites; the gate sites decide whether
    the weights are exported.
    """
    with opened_storage(storage_url(storage)) as opened:
        if as_json:
            print_json({"studies": [one._asdict() for one in list_studies(opened)]})
        elif not watch:
            console = Console()
            console.print(_listing(list_studies(opened), console))
        else:
            _watch(opened)


def _watch(storage: RDBStorage) -> None:
    console = Console()
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(_listing(list_studies(storage), console), refresh=True)
            time.sleep(_PAUSE_S)


def _listing(studies: Sequence[StudyStatus], console: Console) -> RenderableType:
    """Lay out studies as a table; where that is too wide, each name has a line of its own."""
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("study", "state") else "right")
    blocks: list[RenderableType] = []
    for one in studies:
        name, *cells = _cells(one)
        table.add_row(Text(name), *cells)  # no markup
        known = zip(_COLUMNS[1:], cells, strict=True)
        facts = ", ".join(f"{what} {cell}" for what, cell in known if cell != "-")
        blocks += [Text(name, overflow="fold"), Padding(Text(facts), (0, 0, 0, 2), expand=False)]
    wanted = console.measure(table, options=console.options.update(width=_WIDEST)).maximum
    return table if wanted <= console.width else Group(*blocks)


def _cells(one: StudyStatus) -> tuple[str, ...]:
    """Return what is shown of a study, in the order of the columns."""
    return (
        one.name if one.name.isprintable() else shown(one.name),
        one.state,
        str(one.n_trials) if one.budget is None else f"{one.n_trials} of {one.budget}",
        _shown(one.best, "{:.4f}"),
        _shown(one.gain, "{:+.4f}"),
        _shown(one.run_by, "{}"),
        _shown(one.rate, "{:.1f}"),
        _shown(one.seconds_left, "{:.0f} s"),
    )


def _shown(value: float | str | None, how: str) -> str:
    return "-" if value is None else how.format(value)
