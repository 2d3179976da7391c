"""The side that a name states."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from engine.reading.slots import Laterality
from engine.vocabulary.lexicon import Sense

_TWO = 2


def stated_side(senses: Sequence[Sense]) -> Laterality:
    """Return the side; left and right in one name are both sides.

    Where left belongs to one part and right to another ("Rt knee, Lt ankle") no side holds for
    the whole name: it is ``NONE``, so that no row of both knees and both ankles answers it.
    """
    stated = {Laterality(sense.value) for sense in senses if sense.slot == "laterality"}
    if not stated:
        return Laterality.NONE
    if len(stated) == 1:
        return stated.pop()
    return Laterality.NONE if _belong_to_two_parts(senses) else Laterality.BILATERAL


def _belong_to_two_parts(senses: Sequence[Sense]) -> bool:
    """Whether sides and parts alternate: side part side part, or part side part side."""
    order = [sense for sense in senses if sense.slot in {"laterality", "anatomy"}]
    sides = [sense.value for sense in order if sense.slot == "laterality"]
    parts = [sense.value for sense in order if sense.slot == "anatomy"]
    alternate = all(first.slot != second.slot for first, second in pairwise(order))
    return alternate and len(sides) == len(parts) == len(set(parts)) == _TWO
