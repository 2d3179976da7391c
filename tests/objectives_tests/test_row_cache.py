from __future__ import annotations

from typing import TYPE_CHECKING

from engine.row_slots import row_slots
from objectives.row_cache import read_slots
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_comes_from_the_cache_is_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path))
    rows = make_rows()
    fresh = tuple(row_slots(row) for row in rows)
    assert read_slots(rows, "a") == fresh
    (path,) = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    assert read_slots(rows, "a") == fresh
    assert path.stat().st_mtime_ns == written
    path.write_text("[{}]")
    assert read_slots(rows, "a") == fresh
    assert len(read_slots(rows[:3], "another catalogue")) == 3
