"""``radtune status`` shows names as ``cancel`` needs them, however narrow the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import pytest
from rich.console import Console

from scripts.status import _cells, _listing
from studies.storage.study_queue import StudyStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.scripts_tests.conftest import Cli

LONG = "-".join(["a-study-of-the-new-catalogue"] * 2) + "-x2"
RUNNING = StudyStatus(
    "auto", "open", 12, 100, 0.9, 0.01, "host-12.radiology.example.org (12345)", 2.5, 36.0
)
WAITING = RUNNING._replace(name="b", run_by=None, rate=None, seconds_left=None)


def shown(studies: Sequence[StudyStatus], width: int) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(_listing(studies, console))
    return captured.get().splitlines()


def test_a_long_name_is_whole_at_80_columns(cli: Cli) -> None:
    assert len(LONG) == 60
    optuna.create_study(
        study_name=LONG, storage=f"sqlite:///{cli.folder / 'optimization_results.db'}"
    )
    assert LONG in cli("status", COLUMNS="80").stdout.split()
    refused = cli("cancel", LONG).error
    assert "is not open: there is nothing to cancel" in refused


@pytest.mark.parametrize("name", ["auto", LONG])
@pytest.mark.parametrize("width", [80, 100, 200])
def test_nothing_is_cut(name: str, width: int) -> None:
    studies = [RUNNING._replace(name=name), WAITING]
    lines = shown(studies, width)
    words = " ".join(lines).split()
    for one in studies:
        for cell in _cells(one):
            assert cell == "-" or cell in " ".join(words)
    assert max(map(len, lines)) <= width


def test_what_fits_is_a_table() -> None:
    head, first, second = shown([RUNNING, WAITING], 100)
    assert head.split()[:4] == ["study", "state", "trials", "best"]
    assert first.startswith("auto ")
    assert second.startswith("b ")
