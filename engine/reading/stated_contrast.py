"""The contrast that a name states, by word or by the phase of a CT or MR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.reading.phrases import Read
from engine.reading.slots import Contrast, Modality
from engine.vocabulary.lexicon import Sense

_NEGATING = frozenset(
    {"no", "non", "not", "nil", "zero", "0", "minus", "never", "sans", "ohne", "neg", "negative"}
    | {"un", "out", "less", "pre"}
)
_NEGATED_AFTER = frozenset(
    {"no", "nil", "none", "neg", "negative", "excluded", "without", "wo", "w o"}
)
_ADDING = frozenset({"with", "w", "post", "and", "+"})  # "without, with contrast" says both
_MINUS = "-\u2010\u2011\u2212\u2013\u2014"
_MINUS_BEHIND = re.compile(rf"(\s*)[(\[/]*[{_MINUS}]\s*[)\]]?\s*($|[),/.;*])")
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

    "no Gd", "non CE", "w/o Gd", "contrast - no", "contrast(-)", "C -" and "- C" say that none is
    given. "-contrast" and "contrast -" may hold a dash: the word is then left unknown.
    """
    settled = list(reads)
    for at, part in enumerate(settled):
        if not _is_contrast(part, Contrast.WITH):
            continue
        senses: tuple[Sense, ...] = (_WITHOUT,)
        before = settled[at - 1] if at else None
        after = settled[at + 1] if at + 1 < len(settled) else None
        if before is not None and _negates(before, part):
            settled[at - 1] = before._replace(senses=_NEGATION)
        elif after is not None and at + 2 == len(settled) and _negates_before(after):
            settled[at + 1] = after._replace(senses=_NEGATION)
        else:
            senses = _beside_minus(part, text)
        settled[at] = part._replace(senses=senses)
    return settled


def _beside_minus(part: Read, text: str) -> tuple[Sense, ...]:
    """Return what "with contrast" means beside a minus, which may be a dash."""
    behind = _MINUS_BEHIND.match(text[part.end :])
    if part.words == "c" and (behind or _MINUS_BEFORE.search(part.gap)):
        return (_WITHOUT,)
    if part.words.split()[0] in _ADDING:  # "with contrast -" was cut, or has a dash at its end
        return part.senses
    if behind and not behind[1]:
        return (_WITHOUT,)
    if behind or _MINUS_GLUED_BEFORE.search(part.gap):
        return (Sense("unknown", part.words, part.words),)
    return part.senses


def _negates_before(after: Read) -> bool:
    return after.words in _NEGATED_AFTER or _is_minus_ve(after)


def _is_minus_ve(part: Read) -> bool:
    return part.words == "ve" and _MINUS_BEFORE.search(part.gap) is not None


def _is_contrast(part: Read, contrast: Contrast) -> bool:
    return any(sense.slot == "contrast" and sense.value == contrast for sense in part.senses)


def _negates(before: Read, part: Read) -> bool:
    if before.words in _NEGATING or _is_minus_ve(before):
        return True
    return _is_contrast(before, Contrast.WITHOUT) and part.words.split()[0] not in _ADDING
