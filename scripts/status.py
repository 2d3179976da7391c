"""``radtune status``: how far the studies of a database are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scripts.shared.console import JsonOption, print_json
from scripts.shared.storage import StorageOption, storage_url
from studies.storage.database import opened_storage
from studies.storage.study_queue import list_studies
from support.errors import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.storage.study_queue import StudyStatus

_PAUSE_S = 2.0
_COLUMNS = ("study", "state", "trials", "best", "gain", "run by", "trials/s", "time left")


def status(
    storage: StorageOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again every two seconds, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far every study is: trials of its budget, best value, gain, process, time left.

    Values are in [0, 1]; the gain is that of the tuning sites, the gate decides.
    """
    with opened_storage(storage_url(storage)) as opened:
        if as_json:
            print_json({"studies": [one._asdict() for one in list_studies(opened)]})
        elif not watch:
            Console().print(_table(list_studies(opened)))
        else:
            with Live(_table(list_studies(opened)), auto_refresh=False) as live:
                while True:
                    time.sleep(_PAUSE_S)
                    live.update(_table(list_studies(opened)), refresh=True)


def _table(studies: Sequence[StudyStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("study", "state") else "right")
    for one in studies:
        table.add_row(
            Text(one.name if one.name.isprintable() else shown(one.name)),  # no markup
            one.state,
            str(one.n_trials) if one.budget is None else f"{one.n_trials} of {one.budget}",
            _shown(one.best, "{:.4f}"),
            _shown(one.gain, "{:+.4f}"),
            _shown(one.run_by, "{}"),
            _shown(one.rate, "{:.1f}"),
            _shown(one.seconds_left, "{:.0f} s"),
        )
    return table


def _shown(value: float | str | None, how: str) -> str:
    return "-" if value is None else how.format(value)
