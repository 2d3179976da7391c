from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.catalogue.index import CatalogueIndex
from engine.catalogue.row_slots import row_slots
from engine.catalogue.text_similarity import row_postings
from objectives.bank.catalogue_cache import read_postings, read_slots
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from pathlib import Path

    from engine.catalogue.ngrams import Postings
    from engine.catalogue.row_slots import RowSlots
    from objectives.configuration import Configuration

N_GRAMS = (2, 4)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path))
    return tmp_path


def built(slots: tuple[RowSlots, ...]) -> Postings:
    return row_postings([row.name for row in slots], [row.fsn for row in slots], N_GRAMS)


def same(one: Postings, other: Postings) -> bool:
    arrays = [(getattr(one, name), getattr(other, name)) for name in one._fields[1:]]
    return one.ngrams == other.ngrams and all(
        np.array_equal(a, b) and a.dtype == b.dtype for a, b in arrays
    )


def test_what_comes_from_the_cache_is_what_was_read(folder: Path) -> None:
    rows = make_rows()
    fresh = tuple(row_slots(row) for row in rows)
    assert read_slots(rows, "a") == fresh
    (path,) = folder.iterdir()
    written = path.stat().st_mtime_ns
    assert read_slots(rows, "a") == fresh
    assert path.stat().st_mtime_ns == written
    assert len(read_slots(rows[:3], "another catalogue")) == 3


@pytest.mark.parametrize("content", ["", "[{}]", "[]", '[[["a"], [1]]]', '[[["a"], [0]]]'])
def test_slots_that_cannot_be_read_are_read_in_the_catalogue_again(
    content: str, folder: Path
) -> None:
    rows = make_rows()
    fresh = read_slots(rows, "a")
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_text(content)
    assert read_slots(rows, "a") == fresh
    path.write_bytes(whole[: len(whole) // 2])
    assert read_slots(rows, "a") == fresh
    assert b"Knee" in whole
    path.write_bytes(whole.replace(b"Knee", b"Node"))  # still such a file, but not this one
    assert read_slots(rows, "a") == fresh
    read_slots(rows[::-1], "another catalogue")
    (other,) = set(folder.iterdir()) - {path}
    path.write_bytes(other.read_bytes())
    assert read_slots(rows, "a") == fresh


def test_postings_from_the_cache_are_those_that_were_built(folder: Path) -> None:
    slots = tuple(row_slots(row) for row in make_rows())
    assert same(read_postings(slots, N_GRAMS, "a"), built(slots))
    (path,) = folder.iterdir()
    written = path.stat().st_mtime_ns
    assert same(read_postings(slots, N_GRAMS, "a"), built(slots))
    assert path.stat().st_mtime_ns == written
    assert read_postings(slots, (1, 2), "a").ngrams != built(slots).ngrams
    assert len(read_postings(slots[:3], N_GRAMS, "another catalogue").position) == 6


def test_postings_of_any_character_come_back(folder: Path) -> None:
    row = row_slots(make_rows()[0])
    odd = replace(row.name, canonical="a\u0000 \ud800b \U0001f9e0\u0000\u0000 c\nd")
    slots = (replace(row, name=odd),)
    assert same(read_postings(slots, N_GRAMS, "a"), built(slots))
    assert same(read_postings(slots, N_GRAMS, "a"), built(slots))
    wordless = (replace(row, name=replace(odd, canonical=""), fsn=replace(odd, canonical=" ")),)
    for _ in range(2):
        assert read_postings(wordless, N_GRAMS, "wordless").ngrams == ()


def npy() -> bytes:
    """A file that numpy opens, but no archive."""
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def test_postings_that_cannot_be_read_are_built_again(folder: Path) -> None:
    slots = tuple(row_slots(row) for row in make_rows())
    read_postings(slots, N_GRAMS, "a")
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    for broken in (b"", b"no archive", npy(), whole[: len(whole) // 2], whole[:-200]):
        path.write_bytes(broken)
        assert same(read_postings(slots, N_GRAMS, "a"), built(slots))
        assert path.read_bytes() == whole
    few = read_postings(slots[:5], N_GRAMS, "few")
    assert len(few.position) == 10
    (other,) = set(folder.iterdir()) - {path}
    path.write_bytes(other.read_bytes())
    assert same(read_postings(slots, N_GRAMS, "a"), built(slots))


def test_a_warm_index_ranks_as_a_cold_one(folder: Path, config: Configuration) -> None:
    rows = make_rows()
    plain = CatalogueIndex(rows, config.retrieval)
    texts = [row.fsn.canonical for row in plain.slots]
    for _ in range(2):
        slots = read_slots(rows, "a")
        postings = read_postings(slots, config.retrieval.ngram_range, "a")
        index = CatalogueIndex(rows, config.retrieval, slots, postings)
        assert index.slots == plain.slots
        for text in texts:
            assert np.array_equal(index.text.cosines(text), plain.text.cosines(text))
