"""The contrast that a name states, by word or by the phase of a CT or MR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.lexicon import Sense
from engine.reading import Read
from engine.slots import Contrast, Modality

_NEGATING = frozenset(
    {"no", "non", "not", "nil", "zero", "0", "minus", "never", "sans", "ohne", "neg", "negative"}
    | {"ve", "un", "out", "less", "pre"}
)
_NEGATED_AFTER = frozenset(
    {"no", "nil", "none", "neg", "negative", "ve", "excluded", "without", "wo", "w o"}
)
_ADDING = frozenset({"with", "w", "post", "and", "+"})  # "without, with contrast" says both
_MINUS = "-\u2010\u2011\u2212\u2013\u2014"
_MINUS_BEHIND = re.compile(rf"[\s(\[/]*[{_MINUS}]\s*[)\]]?\s*($|[),/.;*])")
_MINUS_BEFORE = re.compile(rf"[{_MINUS}][\s)\]/]*$")
_MINUS_GLUED_BEFORE = re.compile(rf"(^|[\s(/,;_-])[{_MINUS}]$")
_WITHOUT = Sense("contrast", Contrast.WITHOUT, "without contrast")
_NEGATION = (Sense("ignored", "negation", ""),)

_PHASED = frozenset({Modality.CT, Modality.MR})


def stated_contrast(senses: Iterable[Sense], modalities: frozenset[Modality]) -> Contrast:
    """Return the contrast; "with" and "without" in one name are with_and_without.

    A named phase of the contrast medium (arterial, portal venous, triple phase) counts as
    "with" in a CT, an MR or a name without a modality, unless the name says otherwise.
    """
    stated = {Contrast(sense.value) for sense in senses if sense.slot == "contrast"}
    stated |= {
        Contrast(value) for sense in senses for slot, value in sense.implied if slot == "contrast"
    }
    if len(stated) > 1:
        return Contrast.WITH_AND_WITHOUT
    if stated:
        return stated.pop()
    has_phase = any("phase" in sense.traits for sense in senses)
    is_phased = not modalities or bool(modalities & _PHASED)
    return Contrast.WITH if has_phase and is_phased else Contrast.NONE


def negated(reads: Sequence[Read], text: str) -> list[Read]:
    """Turn "with contrast" into "without" where a word or a minus beside it negates it.

    "no Gd", "non CE", "w/o Gd", "contrast - no", "C -" and "- C" say that none is given. A minus
    glued in front of a word ("-contrast") may be a dash: the word is then left unknown.
    """
    settled = list(reads)
    for at, part in enumerate(settled):
        if not _is_contrast(part, Contrast.WITH):
            continue
        before = settled[at - 1] if at else None
        after = settled[at + 1] if at + 1 < len(settled) else None
        if before is not None and _negates(before, part):
            settled[at - 1] = before._replace(senses=_NEGATION)
        elif after is not None and at + 2 == len(settled) and after.words in _NEGATED_AFTER:
            settled[at + 1] = after._replace(senses=_NEGATION)
        elif not _is_minus(part, text):
            if _MINUS_GLUED_BEFORE.search(part.gap):
                settled[at] = part._replace(senses=(Sense("unknown", part.words, part.words),))
            continue
        settled[at] = part._replace(senses=(_WITHOUT,))
    return settled


def _is_minus(part: Read, text: str) -> bool:
    is_minus_c = part.words == "c" and _MINUS_BEFORE.search(part.gap) is not None
    return is_minus_c or _MINUS_BEHIND.match(text[part.end :]) is not None


def _is_contrast(part: Read, contrast: Contrast) -> bool:
    return any(sense.slot == "contrast" and sense.value == contrast for sense in part.senses)


def _negates(before: Read, part: Read) -> bool:
    if before.words in _NEGATING:
        return True
    return _is_contrast(before, Contrast.WITHOUT) and part.words.split()[0] not in _ADDING
