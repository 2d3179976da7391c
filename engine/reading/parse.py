"""Parse an exam name into slots; the one entry point to the vocabulary."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from engine.reading.house_codes import expand_code
from engine.reading.phrases import Read, read
from engine.reading.scope import with_scopes
from engine.reading.slots import Mentioned, Modality, ParsedName, Scope, Span
from engine.reading.stated_contrast import negated, stated_contrast
from engine.reading.stated_intervention import stated_actions
from engine.reading.stated_modality import is_catheter_study, stated_modalities
from engine.reading.stated_regions import Mention, stated_anatomy
from engine.reading.stated_side import stated_side, without_false_sides
from engine.reading.stated_views import one_view
from engine.vocabulary.lexicon import Sense, lexicon

_LONGEST_NAME = re.compile(r"(?:\s*\S){0,400}")  # blanks do not count
_MOST_ROUNDS = 6
_ADDING = frozenset({"and", "+", "plus", "with"})
_ENHANCED = frozenset({Modality.CT, Modality.MR})
# an alternative ranks rows, and accepts none
_STATED = (Scope.AFFIRMED, Scope.ASKED, Scope.ALTERNATIVE)
_MAY_BE = "may be "
_SAY_NOTHING = frozenset({"unknown"})
_STEPPED_OVER = frozenset({"laterality", "modality"})


@lru_cache(maxsize=1 << 16)
def parse(text: str, code_modalities: frozenset[Modality] = frozenset()) -> ParsedName:
    """Parse one exam name.

    Pure and deterministic; repeated blanks do not matter, nor does letter case but for capitals
    inside an unknown word ("FemurR"). Only the first 400 characters are read.
    `ParsedName.canonical` parses to itself.

    Parameters
    ----------
    text : str
        The name as given.
    code_modalities : frozenset of Modality
        What MODALITY_CODE states (`engine.reading.modality_codes.modalities_of_code`). Where the
        words state no modality it decides what they leave open ("PulmAngio" coded CT is no
        catheter study, "Abdo w" coded CT is given contrast); it never enters
        `ParsedName.modalities`.
    """
    plain = _read_name(text, code_modalities)
    may_have_contrast = _may_have_contrast(plain, code_modalities)
    reads = with_scopes(plain, text, may_have_contrast=may_have_contrast)
    parsed = _parsed(text, reads, code_modalities)
    if not any(part.scope is Scope.ASKED for part in reads):
        return parsed
    others = [part for part in reads if part.scope is not Scope.ASKED]
    return replace(
        parsed,
        asked=frozenset(value for _, value in _mentioned(reads, Scope.ASKED)),
        unasked=_parsed(text, others, code_modalities),
    )


def _parsed(text: str, reads: list[Read], code_modalities: frozenset[Modality]) -> ParsedName:
    stated = [part for part in reads if part.scope in _STATED]
    return _slots(text, reads, _settled_spelling(_spelling(stated)), code_modalities)


def _read_name(text: str, code_modalities: frozenset[Modality] = frozenset()) -> list[Read]:
    reads = read(_longest(text), code_modalities)
    if _says_nothing(reads):
        expanded = expand_code(text)
        if expanded is not None:
            senses = tuple(sense for part in read(expanded) for sense in part.senses)
            return [Read(reads[0].start, reads[-1].end, reads[0].words, "", "", senses)]
    reads = without_false_sides(negated(reads, text))
    return _without_excluded(_after_caret(reads))


def _without_excluded(reads: list[Read]) -> list[Read]:
    """Drop what follows "excluding", up to the closing bracket or the end of the name."""
    first = next((at for at, part in enumerate(reads) if _excludes(part)), None)
    if first is None:
        return reads
    last = next((at for at in range(first + 2, len(reads)) if ")" in reads[at].gap), len(reads))
    return [
        part._replace(senses=_EXCLUDED) if first <= position < last else part
        for position, part in enumerate(reads)
    ]


def _excludes(part: Read) -> bool:
    return any("excluding" in sense.traits for sense in part.senses)


def _says_nothing(reads: list[Read]) -> bool:
    return len(reads) == 1 and all(sense.slot == "unknown" for sense in reads[0].senses)


def _after_caret(reads: list[Read]) -> list[Read]:
    """Drop the body parts and codes before a caret when what follows names a body part.

    Scanner protocols are written "Region^Protocol (Adult)", interface messages "CODE^name".
    """
    caret = next((at for at, part in enumerate(reads) if at and "^" in part.gap), 0)
    if not caret or not any(_names_part(part) for part in reads[caret:]):
        return reads
    return [
        part._replace(senses=_PATH) if position < caret and _is_path(part) else part
        for position, part in enumerate(reads)
    ]


_PATH = (Sense("ignored", "path", ""),)
_EXCLUDED = (Sense("ignored", "excluded", ""),)


def _names_part(part: Read) -> bool:
    return any(
        sense.slot == "anatomy" or any(slot == "anatomy" for slot, _ in sense.implied)
        for sense in part.senses
    )


def _is_path(part: Read) -> bool:
    return all(sense.slot in {"anatomy", "unknown", "ignored"} for sense in part.senses)


def _spelling(reads: list[Read]) -> str:
    return " ".join([sense.text for part in reads for sense in part.senses if sense.text])


@lru_cache(maxsize=1 << 16)
def _settled_spelling(spelling: str) -> str:
    """Read the canonical spelling again until it no longer changes.

    Neighbours may form a phrase once the words between them are gone. A spelling that never
    settles gives the least of the spellings it runs through, so that it, too, is stable.
    """
    seen = [spelling]
    for _ in range(_MOST_ROUNDS):
        spelling = _spelling(_read_name(seen[-1]))
        if spelling == seen[-1]:
            return spelling
        if spelling in seen:
            return min(seen[seen.index(spelling) :])
        seen.append(spelling)
    return seen[-1]


def _slots(
    text: str, reads: list[Read], canonical: str, code_modalities: frozenset[Modality]
) -> ParsedName:
    stated = [part for part in reads if part.scope in _STATED]
    senses = [sense for part in stated for sense in part.senses]
    anatomy = stated_anatomy(_mentions(stated))
    modalities = stated_modalities(senses, code_modalities)
    background = modalities or code_modalities
    is_catheter = is_catheter_study(senses, anatomy, background)
    if is_catheter:
        modalities = background = frozenset({Modality.IR})
    actions = stated_actions(senses, background, is_catheter=is_catheter)
    technique = one_view(_values(senses, "technique")) - {"guided"} | actions.shown
    if background == {Modality.US} and not technique | actions.performed and _are_vessels(anatomy):
        technique = frozenset({"doppler"})
    return ParsedName(
        text=text,
        canonical=canonical,
        modalities=modalities,
        anatomy=anatomy,
        laterality=stated_side(
            [s for part in stated if part.scope is Scope.AFFIRMED for s in part.senses]
        ),
        contrast=stated_contrast(senses, background),
        technique=technique,
        intervention=actions.performed,
        context=_values(senses, "context"),
        non_clinical=_is_non_clinical(senses, anatomy, actions.performed),
        unknown=tuple(sense.value for sense in senses if sense.slot == "unknown"),
        denied=_mentioned(reads, Scope.DENIED),
        other_time=_mentioned(reads, Scope.OTHER_TIME),
        doubtful=_mentioned(reads, Scope.POSSIBLE, Scope.ALTERNATIVE) | _left_open(stated),
        spans=tuple(_span(part) for part in reads),
    )


def _may_have_contrast(reads: list[Read], code_modalities: frozenset[Modality]) -> bool:
    stated = {
        Modality(value)
        for part in reads
        for sense in part.senses
        for slot, value in sense.implied
        if slot == "modality"
    }
    return not (stated or code_modalities) or not _ENHANCED.isdisjoint(stated or code_modalities)


def _mentioned(reads: list[Read], *scopes: Scope) -> Mentioned:
    """Return what is mentioned in these scopes."""
    return frozenset(
        (sense.slot, sense.value)
        for part in reads
        if part.scope in scopes
        for sense in part.senses
        if sense.slot not in _SAY_NOTHING
    )


def _are_vessels(anatomy: frozenset[str]) -> bool:
    """Tell whether only arteries and veins are named: ultrasound of them is Doppler."""
    return bool(anatomy) and all(part.endswith(("artery", "vein")) for part in anatomy)


def _left_open(reads: list[Read]) -> Mentioned:
    """Return what has two meanings, or may be no such examination.

    On a plain film an insertion is looked for, or done: a person decides.
    """
    senses = [sense for part in reads for sense in part.senses]
    lines = {
        ("line", sense.text or sense.value)
        for sense in senses
        if "line" in sense.traits or "retired" in sense.traits
    }
    if any(("modality", "XR") in sense.implied for sense in senses):
        lines |= {("intervention", "insertion") for part in reads if _says_insertion(part)}
    meanings = {
        ("meaning", f"{sense.value} or {trait.removeprefix(_MAY_BE)}")
        for sense in senses
        for trait in sense.traits
        if trait.startswith(_MAY_BE)
    }
    return frozenset(lines | meanings)


def _says_insertion(part: Read) -> bool:
    meanings = (lexicon().meaning([word]) for word in part.words.split())
    firsts = (meaning[0] for meaning in meanings if isinstance(meaning, tuple) and meaning)
    return any(isinstance(first, Sense) and first.value == "insertion" for first in firsts)


def _values(senses: list[Sense], slot: str) -> frozenset[str]:
    stated = {sense.value for sense in senses if sense.slot == slot}
    implied = {value for sense in senses for name, value in sense.implied if name == slot}
    return frozenset(stated | implied)


def _mentions(reads: list[Read]) -> list[Mention]:
    mentions: list[Mention] = []
    is_added = False
    for part in reads:
        is_added |= "/" in part.gap
        for position, sense in enumerate(part.senses):
            if sense.slot == "anatomy":
                # a short form of several parts means each of them
                is_one_of_several = position > 0 and part.senses[position - 1].slot == "anatomy"
                mentions.append(
                    Mention(sense.value, is_added or is_one_of_several, is_implied=False)
                )
            mentions.extend(
                Mention(value, is_added, is_implied=True)
                for slot, value in sense.implied
                if slot == "anatomy"
            )
        if part.senses[0].slot not in _STEPPED_OVER:
            is_added = part.words in _ADDING
    return mentions


def _is_non_clinical(
    senses: list[Sense], anatomy: frozenset[str], actions: frozenset[str]
) -> bool:
    if any("event" in sense.traits for sense in senses):
        return True
    return not anatomy and not actions and any("line" in sense.traits for sense in senses)


def _span(part: Read) -> Span:
    first = part.senses[0]
    value = "; ".join(sense.value for sense in part.senses)
    return Span(part.start, part.end, first.slot, value, part.scope)


def _longest(text: str) -> str:
    """Return the part of a name that is read."""
    found = _LONGEST_NAME.match(text)
    return found.group() if found else ""
