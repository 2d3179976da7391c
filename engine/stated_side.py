"""The side that a name states."""

from __future__ import annotations

from collections.abc import Iterable

from engine.lexicon import Sense
from engine.slots import Laterality


def stated_side(senses: Iterable[Sense]) -> Laterality:
    """Return the side; left and right in one name are both sides."""
    stated = {Laterality(sense.value) for sense in senses if sense.slot == "laterality"}
    if not stated:
        return Laterality.NONE
    return stated.pop() if len(stated) == 1 else Laterality.BILATERAL
