from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from support.arrays.mapped_memory import release_pages

N_BYTES = 32 << 20


def mapped_bytes() -> int:
    """Bytes of mapped files that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")


def test_released_pages_are_given_back_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.arange(N_BYTES // 8))
    array = np.load(path, mmap_mode="r")
    total = array.sum()
    before = mapped_bytes()
    release_pages([array, np.zeros(3)])
    assert before - mapped_bytes() >= N_BYTES * 0.9
    assert array.sum() == total


def test_what_was_written_is_kept(tmp_path: Path) -> None:
    array = np.lib.format.open_memmap(tmp_path / "array.npy", mode="w+", dtype=int, shape=(9,))
    array[:] = 7
    release_pages([array[2:]])
    assert array.tolist() == [7] * 9
