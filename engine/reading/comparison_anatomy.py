"""The anatomy by which names and rows are compared: the vessels in a vascular study."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from engine.vocabulary.lexicon import read_table

if TYPE_CHECKING:
    from engine.reading.slots import ParsedName


class _Tables(NamedTuple):
    vessels_of: dict[str, dict[str, str]]
    actions: dict[str, frozenset[str]]
    segments: dict[str, frozenset[str]]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    table = read_table("anatomy_vessels")
    return _Tables(
        table["vessels_of"],
        {kind: frozenset(values) for kind, values in table["vascular_actions"].items()},
        {whole: frozenset(bones) for whole, bones in table["segments"].items()},
    )


def shown_anatomy(parsed: ParsedName) -> frozenset[str]:
    """Return the anatomy of a name in the terms in which names and rows are compared.

    A part stands for its vessels where these are shown: "CT angio brain" and "CT angiography of
    intracranial artery" are one examination. All bones of a segment stand for the segment.
    """
    tables = _tables()
    anatomy = parsed.anatomy
    for whole, bones in tables.segments.items():
        if bones <= anatomy:
            anatomy = (anatomy - bones) | {whole}
    if tables.vessels_of.keys().isdisjoint(anatomy):
        return anatomy
    done = parsed.technique | parsed.intervention
    kinds = [kind for kind, values in tables.actions.items() if not values.isdisjoint(done)]
    if len(kinds) != 1:
        return anatomy
    return frozenset(tables.vessels_of.get(term, {}).get(kinds[0], term) for term in anatomy)
