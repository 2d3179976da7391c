from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from objectives.cases.cases import load_cases
from objectives.cases.usage import count_usage
from objectives.cases.usage_cache import read_counts
from support.errors import InputFileError
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS = make_rows(("CT Head|N", "CT Abdomen|N", "XR Chest|N"))
NAMES = frozenset(row.preferred_name for row in ROWS)
SITES = ("A", "B/..\u00e9")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def write(path: Path, golds: Sequence[str], site: str = "a") -> Path:
    records = [{"DATA_SOURCE": site, "EXAM_NAME": "x", "EXPECTED_NAME": gold} for gold in golds]
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def check(files: Sequence[Path], sites: Sequence[str], catalogue: str = "c") -> None:
    """Read the counts twice, the second time from the cache, and compare with counting."""
    cases = load_cases(files, NAMES).cases
    for _ in range(2):
        counts = read_counts(ROWS, files, sites, catalogue)
        expected = count_usage(ROWS, cases, sites)
        assert list(counts) == list(expected)
        for site, of_rows in expected.items():
            assert counts[site].dtype == of_rows.dtype
            assert np.array_equal(counts[site], of_rows)


def test_counts_from_the_cache_are_those_of_the_files(folder: Path) -> None:
    one = write(folder / "v2.json", ["CT Head", "CT Head", "XR Chest"])
    two = write(folder / "v3.json", ["CT Abdomen"], SITES[1])
    check([one, two], SITES)
    n_kept = len(list((folder / "cache").iterdir()))
    check([one, two], SITES)
    assert len(list((folder / "cache").iterdir())) == n_kept == 1


def test_what_changes_the_counts_changes_the_key(folder: Path) -> None:
    path = write(folder / "v2.json", ["CT Head"])
    check([path], SITES)
    check([write(path, ["CT Head", "XR Chest"])], SITES)
    check([path], SITES[:1])
    check([path], SITES[::-1])
    check([], SITES)
    check([path], SITES, "another catalogue")
    assert len(list((folder / "cache").iterdir())) == 6


def test_counts_that_cannot_be_read_are_counted_again(folder: Path) -> None:
    path = write(folder / "v2.json", ["CT Head"])
    check([path], SITES)
    (kept,) = (folder / "cache").iterdir()
    for broken in (b"", b"no archive", kept.read_bytes()[:90]):
        kept.write_bytes(broken)
        check([path], SITES)


def test_a_file_that_cannot_be_used_is_an_error_each_time(folder: Path) -> None:
    path = write(folder / "v2.json", ["CT Moon"])
    for _ in range(2):
        with pytest.raises(InputFileError, match="CT Moon"):
            read_counts(ROWS, [path], SITES, "c")
