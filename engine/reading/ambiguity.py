"""Decide an ambiguous phrase or a vessel adjective by the rest of the name."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.reading.slots import Modality
from engine.vocabulary.lexicon import Adjective, Meaning, Rule, Sense

Settled = list[tuple[Sense, ...] | None]
_MODALITY = "implied modality:"
_ARTERIAL = frozenset({"artery", "anatomy:artery", _MODALITY + "IR"})
_STEPPED_OVER = frozenset({"laterality", "ignored"})


@dataclass(slots=True)
class Place:
    """Where a phrase stands: the words, the runs they form and what is settled so far."""

    words: list[str]
    spans: list[tuple[int, int]]
    settled: Settled
    meanings: list[Meaning]
    position: int
    code_modalities: frozenset[Modality]
    facts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        facts = _facts(self.settled)
        if not any(fact.startswith(_MODALITY) for fact in facts):
            facts |= {_MODALITY + modality for modality in self.code_modalities}
        self.facts = facts

    def word_before(self) -> str:
        """Return the word before the phrase, or ``<start>``."""
        first = self.spans[self.position][0]
        return self.words[first - 1] if first else "<start>"

    def word_after(self) -> str:
        """Return the word after the phrase, or ``<end>``."""
        last = self.spans[self.position][1]
        return self.words[last] if last < len(self.words) else "<end>"

    def slots_at(self, position: int) -> frozenset[str]:
        """Return the slots of a neighbouring run: ``<slot>``, and ``slot:value`` once settled."""
        if not 0 <= position < len(self.settled):
            return frozenset()
        meaning = self.meanings[position]
        if isinstance(meaning, Adjective):
            return frozenset({"<anatomy>"})
        senses = self.settled[position]
        if senses is None:
            slots = {
                part.slot for rule in meaning if isinstance(rule, Rule) for part in rule.senses
            }
            return frozenset({f"<{slot}>" for slot in slots}) if len(slots) == 1 else frozenset()
        slots = {"<number>" if sense.value == "number" else f"<{sense.slot}>" for sense in senses}
        return frozenset(slots | {f"{sense.slot}:{sense.value}" for sense in senses})


def _facts(settled: Settled) -> frozenset[str]:
    facts: set[str] = set()
    for senses in settled:
        for sense in senses or ():
            facts.add(sense.slot)
            facts.add(f"{sense.slot}:{sense.value}")
            facts.update(sense.traits)
            for slot, value in sense.implied:
                facts.add(f"implied {slot}:{value}" if slot == "modality" else f"{slot}:{value}")
    return frozenset(facts)


def settle(meaning: Meaning, place: Place) -> tuple[Sense, ...]:
    """Return the senses that an ambiguous meaning has at this place."""
    if isinstance(meaning, Adjective):
        return (_settle_adjective(meaning, place),)
    for rule in meaning:
        if isinstance(rule, Rule) and _holds(rule, place):
            return rule.senses
    return (Sense("unknown", place.words[place.spans[place.position][0]], ""),)


def _holds(rule: Rule, place: Place) -> bool:
    facts = place.facts
    return (
        (not rule.modality or _modality_holds(rule.modality, facts))
        and (not rule.has or not rule.has.isdisjoint(facts))
        and rule.lacks.isdisjoint(facts)
        and _neighbour_holds(rule.following, place.word_after(), place, place.position + 1)
        and _neighbour_holds(rule.preceding, place.word_before(), place, place.position - 1)
    )


def _modality_holds(wanted: frozenset[str], facts: frozenset[str]) -> bool:
    stated = {fact[len(_MODALITY) :] for fact in facts if fact.startswith(_MODALITY)}
    return not wanted.isdisjoint(stated) or ("none" in wanted and not stated)


def _neighbour_holds(wanted: frozenset[str], word: str, place: Place, position: int) -> bool:
    if not wanted or word in wanted:
        return True
    return not wanted.isdisjoint(place.slots_at(position))


def _settle_adjective(adjective: Adjective, place: Place) -> Sense:
    noun = _noun_ahead(place)
    vessel = {"artery": adjective.artery, "vein": adjective.vein}
    if noun is not None:
        return vessel[noun] or adjective.plain
    facts = place.facts
    if "vein" in facts or "anatomy:vein" in facts:
        return adjective.vein or adjective.artery or adjective.plain
    if facts & _ARTERIAL or ("stent" in facts and adjective.flow):
        return adjective.artery or adjective.plain
    if "flow" in facts:
        return adjective.flow or adjective.plain
    return adjective.plain


def _noun_ahead(place: Place) -> str | None:
    """Return "artery" or "vein" where the adjective's noun follows, over other adjectives."""
    for position in range(place.position + 1, len(place.settled)):
        if isinstance(place.meanings[position], Adjective):
            continue
        senses = place.settled[position]
        if senses is None:
            return None
        sense = senses[0]
        if sense.slot == "anatomy":
            if sense.value in {"artery", "vein"}:
                return sense.value
            if sense.value.endswith((" artery", " vein")):
                return sense.value.rsplit(" ", 1)[1]
            return None
        if sense.slot not in _STEPPED_OVER:
            return None
    return None
