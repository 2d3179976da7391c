from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.arrays.array_folder import create_arrays, map_unfinished
from support.arrays.chunk_journal import Chunk, ChunkJournal

if TYPE_CHECKING:
    from pathlib import Path

ARRAYS = {"a": np.arange(12, dtype=np.int32).reshape(6, 2)}


@pytest.mark.parametrize(
    "line",
    [
        "7",
        "[]",
        "{}",
        '{"start": "2", "stop": 4, "xxh3_128": ""}',
        '{"start": -2, "stop": 4, "xxh3_128": ""}',
        '{"start": 2, "stop": 1e999, "xxh3_128": ""}',
        json.dumps({"start": 2, "stop": 99, "xxh3_128": Chunk.of(ARRAYS, 0).xxh3_128}),
        "[" * 100_000,
        "1" * 5000,
    ],
)
def test_a_line_that_describes_no_chunk_counts_as_not_written(line: str, tmp_path: Path) -> None:
    journal = ChunkJournal(tmp_path, "k")
    written = Chunk.of({"a": ARRAYS["a"][:2]}, 0)
    journal.begin([written])
    assert journal.is_begun()
    with (tmp_path / "chunks.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    assert journal.whole_chunks(ARRAYS) == [written]


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((6, 2), dtype=np.float32),
        np.zeros((2, 6), dtype=np.int32),
        np.zeros((6, 2), dtype=np.int32, order="F"),
        np.zeros((7, 2), dtype=np.int32),
    ],
)
def test_arrays_of_another_form_are_not_gone_on_with(
    other: np.ndarray[tuple[int, ...], np.dtype[np.generic]], tmp_path: Path
) -> None:
    create_arrays(tmp_path, ARRAYS, 6)
    assert map_unfinished(tmp_path, ARRAYS, 6) is not None
    path = tmp_path / "a.npy"
    whole = path.read_bytes()
    np.save(path, other)
    assert map_unfinished(tmp_path, ARRAYS, 6) is None
    for broken in (whole[:-1], whole.replace(b"(6, 2)", b"(6, 2("), b""):
        path.write_bytes(broken)
        assert map_unfinished(tmp_path, ARRAYS, 6) is None
