"""Remember which chunks of unfinished arrays are written, so that a killed build goes on.

The journal is a file of JSON lines beside the arrays: the key they belong to, then a line a
chunk with the hash of its bytes. A line that was cut off, or whose bytes did not reach the disk
before a power cut, counts as not written.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from support.errors import InputFileError
from support.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_JOURNAL = "chunks.jsonl"


class Chunk(NamedTuple):
    """Entries ``start`` to ``stop - 1`` of all arrays, and the hash of their bytes."""

    start: int
    stop: int
    xxh3_128: str

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], start: int) -> Chunk:
        """Describe arrays that stand at `start`; all are as long as the first."""
        digest, n_entries = xxhash.xxh3_128(), 0
        for array in arrays.values():
            n_entries = len(array)
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return cls(start, start + n_entries, digest.hexdigest())


class ChunkJournal:
    """What is written of some arrays.

    Parameters
    ----------
    folder : Path
    key : str
        Hash of what the arrays depend on.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._path = folder / _JOURNAL
        self._key = key

    def is_begun(self) -> bool:
        """Tell whether the journal is this key's: the arrays then have their full size."""
        return next(self._lines(), None) == {"key": self._key}

    def begin(self, chunks: Iterable[Chunk] = ()) -> None:
        """Write a new journal that knows these chunks."""
        lines = [{"key": self._key}, *(chunk._asdict() for chunk in chunks)]
        self._path.unlink(missing_ok=True)  # it may be no file
        self._path.write_text("".join(map(_line, lines)), encoding="utf-8")

    def add(self, chunk: Chunk) -> None:
        """Note that a chunk is written."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(chunk._asdict()))

    def whole_chunks(self, arrays: Mapping[str, NDArray[Any]]) -> list[Chunk]:
        """Return the chunks whose bytes are what they were when they were noted."""
        lines = self._lines()
        next(lines, None)
        noted = (chunk for line in lines if (chunk := _chunk(line)))
        return [chunk for chunk in noted if chunk == _now(arrays, chunk)]

    def remove(self) -> None:
        """Remove the journal: the arrays are finished."""
        self._path.unlink()

    def _lines(self) -> Iterator[Any]:
        """Yield the lines up to the first that was not written whole."""
        try:
            for line in read_text(self._path).splitlines(keepends=True):
                if line.endswith("\n"):
                    yield json.loads(line)
        except (InputFileError, ValueError, RecursionError):
            return


def missing_ranges(chunks: Iterable[Chunk], n_entries: int, size: int) -> Iterator[range]:
    """Yield what the chunks leave out of ``range(n_entries)``, in order, `size` at a time."""
    at = 0
    for start, stop, _ in [*sorted(chunks), Chunk(n_entries, n_entries, "")]:
        yield from (range(first, min(first + size, start)) for first in range(at, start, size))
        at = max(at, stop)


def _line(document: Mapping[str, object]) -> str:
    return json.dumps(document) + "\n"


def _chunk(line: object) -> Chunk | None:
    """Read a line; None where it describes no chunk."""
    if not isinstance(line, dict):
        return None
    start, stop, digest = (line.get(name) for name in Chunk._fields)
    if type(start) is int and type(stop) is int and isinstance(digest, str) and 0 <= start < stop:
        return Chunk(start, stop, digest)
    return None


def _now(arrays: Mapping[str, NDArray[Any]], chunk: Chunk) -> Chunk:
    there = {name: array[chunk.start : chunk.stop] for name, array in arrays.items()}
    return Chunk.of(there, chunk.start)
