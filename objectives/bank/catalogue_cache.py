"""Keep what was read in a catalogue, so that the next run need not read it again.

Both files hold what the engine would make of the same rows: an answer does not depend on whether
they were there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import numpy as np
from pydantic import TypeAdapter

from engine.catalogue.ngrams import Postings
from engine.catalogue.row_slots import RowSlots, row_slots
from engine.catalogue.text_similarity import row_postings
from support.arrays.array_file import Arrays, read_arrays, write_arrays
from support.arrays.sealed_file import read_sealed, write_sealed
from support.caches import cache_dir
from support.engine_version import engine_sha256
from support.hashing import hash_of, sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.catalogue.rows import CatalogueRow


class _Column(NamedTuple):
    """One field of many objects: its distinct values, and which of them each object has."""

    values: list[Any]
    codes: list[int]


_COLUMNS = TypeAdapter(list[_Column])
_MODULE = Path(__file__)  # says how they are laid out


def read_slots(rows: Sequence[CatalogueRow], catalogue_sha256: str) -> tuple[RowSlots, ...]:
    """Read the slots of every row, from the cache where engine and catalogue are the same.

    The names come without their spans: no row is explained word by word.

    Raises
    ------
    InputFileError
        When the cache cannot be written.
    """
    key = hash_of([engine_sha256(), sha256_of_file(_MODULE), catalogue_sha256])
    path = cache_dir() / f"slots-{key[:32]}.json"
    written = read_sealed(path)
    if written is None:
        written = _COLUMNS.dump_json(list(_columns(RowSlots, [row_slots(row) for row in rows])))
        write_sealed(path, written)
    return _slots(written)


def read_postings(
    slots: Sequence[RowSlots], ngram_range: tuple[int, int], catalogue_sha256: str
) -> Postings:
    """Index the n-grams of every row, from the cache where engine and catalogue are the same.

    Raises
    ------
    InputFileError
        When the cache cannot be written.
    """
    # numpy computes the logarithms of the idf
    setting = [catalogue_sha256, ngram_range, np.__version__]
    key = hash_of([engine_sha256(), sha256_of_file(_MODULE), *setting])
    path = cache_dir() / f"ngrams-{key[:32]}.npz"
    cached = read_arrays(path)
    if cached:
        return _postings(cached)
    postings = row_postings([row.name for row in slots], [row.fsn for row in slots], ngram_range)
    # no n-gram holds a line feed, and an array of str would lose a null at its end
    text = "\n".join(postings.ngrams).encode("utf-8", "surrogatepass")
    write_arrays(path, {**postings._asdict(), "ngrams": np.frombuffer(text, dtype=np.uint8)})
    return postings


def _postings(arrays: Arrays) -> Postings:
    text = arrays.pop("ngrams").tobytes().decode("utf-8", "surrogatepass")
    return Postings(tuple(text.split("\n")) if text else (), **arrays)


def _slots(written: bytes) -> tuple[RowSlots, ...]:
    return tuple(_objects(RowSlots, deque(_COLUMNS.validate_json(written))))


def _columns(kind: type[Any], objects: Sequence[object]) -> Iterator[_Column]:
    """Yield the columns of dataclass objects, those of a nested dataclass in its place."""
    for name, hint in _stored(kind):
        values = [getattr(one, name) for one in objects]
        if isinstance(hint, type) and is_dataclass(hint):
            yield from _columns(hint, values)
            continue
        numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
        distinct = _adapter(hint).dump_python(list(numbers), mode="json")
        yield _Column(distinct, [numbers[value] for value in values])


def _objects(kind: type[Any], columns: deque[_Column]) -> Iterator[Any]:
    """Yield the dataclass objects of some columns, which are used up."""
    parts: list[Iterable[object]] = []
    for _, hint in _stored(kind):
        if isinstance(hint, type) and is_dataclass(hint):
            parts.append(list(_objects(hint, columns)))
            continue
        column = columns.popleft()
        distinct = _adapter(hint).validate_python(column.values)
        parts.append([distinct[code] for code in column.codes])
    return (kind(*values) for values in zip(*parts, strict=True))


def _stored(kind: type[Any]) -> list[tuple[str, Any]]:
    """List the fields that are kept, with their types: those that count when two are compared."""
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind) if field.compare]


@lru_cache
def _adapter(hint: Any) -> TypeAdapter[list[Any]]:  # noqa: ANN401 - any type of a field
    return TypeAdapter(list[hint])
