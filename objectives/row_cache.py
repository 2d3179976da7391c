"""Keep what the parser read in a catalogue, so that the next run need not read it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from engine.row_slots import RowSlots, row_slots
from objectives.bank import cache_dir, engine_sha256
from objectives.configuration import hash_of
from objectives.output import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.catalogue import CatalogueRow

_SLOTS = TypeAdapter(tuple[RowSlots, ...])


def read_slots(rows: Sequence[CatalogueRow], catalogue_sha256: str) -> tuple[RowSlots, ...]:
    """Read the slots of every row, from the cache where engine and catalogue are the same.

    Raises
    ------
    InputFileError
        When the cache cannot be written.
    """
    key = hash_of([engine_sha256(), catalogue_sha256])
    path = cache_dir() / f"slots-{key[:32]}.json"
    try:
        cached = _SLOTS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        cached = ()
    if len(cached) == len(rows):
        return cached
    slots = tuple(row_slots(row) for row in rows)
    write_whole(path, _SLOTS.dump_json(slots).decode())
    return slots
