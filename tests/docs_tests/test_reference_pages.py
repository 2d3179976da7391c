"""The generated reference is what the code says now. When one of these fails: `make docs`."""

from __future__ import annotations

import re

import pytest

from benchmarks.reference_pages import FOLDER, PAGES, configuration, written
from engine.ranking.weights import FEATURE_OF

GIVEN_BY_THE_WEIGHT = re.compile(rf"`study\.(?:bounds|grid)\.(?:{'|'.join(FEATURE_OF)})`")


ASKS_GIT = pytest.mark.process  # griffe does


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=ASKS_GIT if name == "python-api.md" else ()) for name in PAGES],
)
def test_a_page_is_what_make_docs_writes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == written(name), "run: make docs"


def test_no_other_page_is_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_key_of_the_configuration_has_a_meaning() -> None:
    rows = [line for line in configuration().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    for row in rows:
        meaning = row.rstrip("| ").rpartition(" | ")[2]
        assert not row.endswith("|  |") or GIVEN_BY_THE_WEIGHT.search(row), row
        assert meaning
