"""Choose the words for what a row means: the phrases of a name, before they are put in order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from data.generator.catalogue import CatalogueRow, RowSlots
from data.generator.lexicon import Atom, Atoms, Composite, Lexicon
from data.generator.meaning import Meaning, MeaningIndex, meaning_of
from data.generator.site import Habits, Site, pick

GUIDED = frozenset({"US", "CT", "MR", "FL"})
OMISSION_SHARE = 0.06
PLAIN_SHARE = 0.12
GUIDED_SHARE = 0.8
MOBILE_FIRST_SHARE = 0.4
PLURAL_SHARE = 0.4
MODALITY = "modality"


@dataclass
class Phrases:
    """The phrases of one name.

    Attributes
    ----------
    modality
        Modality word; empty when the name leaves it to MODALITY_CODE.
    lead
        Spelling that stands for the modality and more ("CTPA").
    core
        Actions and studies that take the place of a noun ("Biopsy", "Swallow").
    units
        (spelling, terms it stands for) of everything that was spelled.
    """

    row: CatalogueRow
    meaning: Meaning
    modality: str = ""
    lead: str = ""
    guided: str = ""
    head: list[str] = field(default_factory=list)
    core: list[str] = field(default_factory=list)
    anatomy: str = ""
    tail: list[str] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    side: str = ""
    contrast: str = ""
    units: list[tuple[str, Atoms]] = field(default_factory=list)

    @property
    def states_modality(self) -> bool:
        """Whether the text names the modality."""
        return bool(self.modality or self.lead)


class Phraser:
    """Choose the phrases of names at one site."""

    def __init__(self, site: Site, lexicon: Lexicon, habits: Habits, index: MeaningIndex) -> None:
        self.site = site
        self.lexicon = lexicon
        self.habits = habits
        self.index = index

    def phrase(self, row: CatalogueRow, rng: random.Random) -> Phrases:
        """Choose spellings for everything the row means."""
        phrases = Phrases(row, self._stated(row, rng))
        left = self._use_composites(phrases, rng)
        if not phrases.lead:
            self._name_modality(phrases, left, rng)
        self._spell_rest(phrases, left, rng)
        phrases.side = self._side(row.slots, rng)
        phrases.contrast = self._contrast(row, rng)
        return phrases

    def _stated(self, row: CatalogueRow, rng: random.Random) -> Meaning:
        meaning = meaning_of(row.slots)
        for atom in sorted(meaning.atoms):
            if atom[0] != "context" or rng.random() > OMISSION_SHARE:
                continue
            shorter = meaning._replace(atoms=meaning.atoms - {atom})
            if self.index.determines(shorter, [row.slots.modality], row):
                meaning = shorter
        return meaning

    def _use_composites(self, phrases: Phrases, rng: random.Random) -> set[Atom]:
        modality: Atom = (MODALITY, phrases.row.slots.modality)
        left = {*phrases.meaning.atoms, modality}
        rules = list(self.lexicon.composites)
        rng.shuffle(rules)
        for rule in sorted(rules, key=lambda rule: -len(rule.covers)):
            if _applies(rule, left, phrases.row.slots) and rng.random() < rule.share:
                left -= rule.covers
                self._place_composite(phrases, rule, rng)
        return left

    def _place_composite(self, phrases: Phrases, rule: Composite, rng: random.Random) -> None:
        texts = rule.spellings
        if rule.american and rng.random() < self.site.registers.get("us", 0) / 8:
            texts = rule.american
        text = self._habitual(texts, rng)
        phrases.units.append((text, rule.covers))
        kinds = {kind for kind, _ in rule.covers}
        if "modality" in kinds:
            phrases.lead = text
        elif kinds == {"anatomy"}:
            phrases.anatomy = text
        else:
            phrases.core.append(text)

    def _habitual(self, texts: tuple[str, ...], rng: random.Random) -> str:
        steady = random.Random(f"{self.site.source}:{texts}")
        weights = [steady.lognormvariate(0, 0.9) for _ in texts]
        return rng.choices(texts, weights)[0]

    def _name_modality(self, phrases: Phrases, left: set[Atom], rng: random.Random) -> None:
        slots = phrases.row.slots
        left.discard((MODALITY, slots.modality))
        if slots.modality == "OT":
            if not slots.technique and not slots.intervention:
                phrases.modality = rng.choice(self.lexicon.photography)
            return
        silent = self.site.drop_modality
        if slots.modality == "IR" or (slots.interventional and slots.modality == "FL"):
            silent = max(silent, 0.75)
        if rng.random() < silent:
            return
        word = rng.choice(list(self.site.modality_words[slots.modality]))
        if slots.interventional and slots.modality in GUIDED:
            word = word.removesuffix(" of").removesuffix(" scan")
            phrases.guided = (
                rng.choice(list(self.site.guided)) if rng.random() < GUIDED_SHARE else ""
            )
        elif word == "Angio":
            word = "IR"
        phrases.modality = word

    def _spell_rest(self, phrases: Phrases, left: set[Atom], rng: random.Random) -> None:
        slots = phrases.row.slots
        order = {
            "technique": slots.technique,
            "intervention": slots.intervention,
            "context": slots.context,
        }
        for kind, terms in order.items():
            for term in terms:
                if (kind, term) in left:
                    self._spell_term(phrases, (kind, term), rng)
        parts = [term for term in slots.anatomy if ("anatomy", term) in left]
        if parts:
            phrases.anatomy = self._anatomy(phrases, parts, rng)

    def _spell_term(self, phrases: Phrases, atom: Atom, rng: random.Random) -> None:
        kind, term = atom
        text = self.habits.spell(atom, rng)
        phrases.units.append((text, frozenset({atom})))
        if kind == "context":
            phrases.context.append(text)
        elif kind == "intervention":
            phrases.core.append(text)
        else:
            place = self.lexicon.places.get(term, "tail")
            where = {"head": phrases.head, "noun": phrases.core}.get(place, phrases.tail)
            if place == "tail" and phrases.row.slots.modality == "PET":
                where = phrases.head
            if term == "mobile" and rng.random() < MOBILE_FIRST_SHARE:
                where = phrases.head
            where.append(text)

    def _anatomy(self, phrases: Phrases, parts: list[str], rng: random.Random) -> str:
        slots = phrases.row.slots
        variant = {"none": "unsided", "bilateral": "", "left": "sided", "right": "sided"}[
            slots.laterality
        ]
        if slots.laterality == "bilateral" and rng.random() < PLURAL_SHARE:
            variant = "plural"
        texts = {}
        for term in parts:
            atom = ("anatomy", term)
            texts[term] = self.habits.spell(atom, rng, variant)
            phrases.units.append((texts[term], frozenset({atom})))
        before = [texts[term] for term in parts if term in self.lexicon.modifiers]
        others = [texts[term] for term in parts if term not in self.lexicon.modifiers]
        joined = _join(others, pick(rng, self.site.join))
        return " ".join([*before, joined]).strip()

    def _side(self, slots: RowSlots, rng: random.Random) -> str:
        if slots.laterality == "none":
            return ""
        return rng.choice(list(self.site.laterality[slots.laterality]))

    def _contrast(self, row: CatalogueRow, rng: random.Random) -> str:
        slots = row.slots
        wording = slots.contrast
        if wording == "none":
            siblings = self.index.siblings_in_contrast(row)
            if "with" not in siblings or "without" in siblings or rng.random() > PLAIN_SHARE:
                return ""
            wording = "plain"
        texts = [
            text
            for text in self.site.contrast[wording]
            if slots.modality == "MR" or "gad" not in text.lower()
        ]
        return rng.choice(texts)


def _applies(rule: Composite, left: set[Atom], slots: RowSlots) -> bool:
    if not rule.covers <= left or rule.bar & left:
        return False
    if rule.is_diagnostic and slots.interventional:
        return False
    covered = {term for kind, term in rule.covers if kind == "anatomy"}
    return rule.is_partial or not covered or covered == set(slots.anatomy)


def _join(texts: list[str], separator: str) -> str:
    *first, last = texts or [""]
    if separator.strip() == "and" and first:
        return " ".join(first) + separator + last
    if separator == ", " and first:
        return ", ".join(first) + " & " + last
    return separator.join(texts)
