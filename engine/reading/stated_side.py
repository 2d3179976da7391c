"""The side that a name states."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from engine.reading.phrases import Read
from engine.reading.slots import Laterality
from engine.vocabulary.lexicon import Sense

_TWO = 2
_GLUE = frozenset("/.")  # between the letters of an abbreviation
_TITLES = frozenset({"dr", "prof", "mrs", "ms"})


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


def without_false_sides(reads: Sequence[Read]) -> list[Read]:
    """Take no letter for a side that belongs to an abbreviation, a person or a number.

    "R/O", "L/V", "R.A." and "W/L" are abbreviations, "R1" is a room, "Dr R Smith" a person. The
    letter is then a word that is not understood.
    """
    return [
        part._replace(senses=(Sense("unknown", part.words, part.words),))
        if _is_letter_of_a_side(part) and _is_no_side(reads, at)
        else part
        for at, part in enumerate(reads)
    ]


def _is_letter_of_a_side(part: Read) -> bool:
    return len(part.words) == 1 and part.senses[0].slot == "laterality"


def _is_no_side(reads: Sequence[Read], at: int) -> bool:
    part = reads[at]
    before = reads[at - 1] if at else None
    after = reads[at + 1] if at + 1 < len(reads) else None
    if after is not None:
        is_joined = after.gap in _GLUE and _is_other_letter(after)
        if is_joined or (not after.gap and after.words[0].isdecimal()):
            return True
    if before is None:
        return False
    is_person = before.words in _TITLES and after is not None and after.senses[0].slot == "unknown"
    return is_person or (part.gap in _GLUE and _is_other_letter(before))


def _is_other_letter(part: Read) -> bool:
    return len(part.words) == 1 and part.words.isalpha() and part.senses[0].slot != "laterality"
