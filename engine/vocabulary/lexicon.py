"""Load the vocabulary (engine/vocabulary/*.toml) and look up phrases.

A phrase has one meaning, or it is declared in ambiguous.toml with the rules of its context, or
it is an adjective of anatomy_vessels.toml; anything else is refused when the package loads.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from engine.vocabulary.normalise import tokenise
from engine.vocabulary.spelling import Spelling, load_spelling
from support.errors import ConfigurationError

Table = dict[str, Any]

_MOST_REMEMBERED = 1 << 17
_IMPLIED = ("modality", "anatomy", "technique", "intervention", "context", "contrast")
_TRAITS = ("catheter", "invasive", "phase", "flow", "vascular", "device", "act", "stent")
_SLOT_OF_FILE = {
    "anatomy_regions": "anatomy",
    "anatomy_bones": "anatomy",
    "anatomy_organs": "anatomy",
    "anatomy_vessels": "anatomy",
    "modality": "modality",
    "laterality": "laterality",
    "contrast": "contrast",
    "technique": "technique",
    "intervention": "intervention",
    "context": "context",
}


class Sense(NamedTuple):
    """One meaning.

    Attributes
    ----------
    slot : str
        A slot of `engine.reading.slots.Span`.
    value : str
        The canonical value.
    text : str
        The canonical spelling; empty for words that are left out.
    implied : tuple of (slot, value)
        What else the word states ("mammogram": modality MG, anatomy breast).
    traits : frozenset of str
        See the heads of technique.toml and intervention.toml.
    """

    slot: str
    value: str
    text: str
    implied: tuple[tuple[str, str], ...] = ()
    traits: frozenset[str] = frozenset()


class Rule(NamedTuple):
    """One reading of an ambiguous phrase and the context it needs (see ambiguous.toml)."""

    senses: tuple[Sense, ...]
    modality: frozenset[str]
    following: frozenset[str]
    preceding: frozenset[str]
    has: frozenset[str]
    lacks: frozenset[str]


class Adjective(NamedTuple):
    """What an adjective such as "renal" names outside and inside a vascular name."""

    plain: Sense
    artery: Sense | None
    vein: Sense | None
    flow: Sense | None


Meaning = tuple[Sense, ...] | tuple[Rule, ...] | Adjective


@cache
def read_table(name: str) -> Table:
    """Read one data file of the vocabulary, once: several readers share it, none changes it."""
    source = files("engine") / "vocabulary" / f"{name}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def as_list(value: str | list[str] | None) -> list[str]:
    """Return a field that holds one string or several as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


class Lexicon:
    """Every phrase of the vocabulary with its meaning.

    Attributes
    ----------
    spelling : Spelling
        How words vary.
    words : frozenset of str
        Every word that stands in some phrase.
    senses : dict of (slot, entry) to Sense
        An entry's value is its own name, or what its field `means` says: such a variant states
        the same and implies more ("nerve root block": a nerve block, of the nerve root).
    """

    def __init__(self) -> None:
        self.spelling: Spelling = load_spelling(read_table("spelling"))
        self.senses: dict[tuple[str, str], Sense] = {}
        self._exact: dict[str, Meaning] = {}
        self._declared = _declared_phrases()
        for name, slot in _SLOT_OF_FILE.items():
            self._load_terms(read_table(name)["term"], slot)
        self._load_intervention_words(read_table("intervention"))
        self._load_ignored(read_table("ignored"))
        self._load_non_clinical(read_table("non_clinical"))
        self._load_adjectives(read_table("anatomy_vessels")["adjective"])
        self._load_compounds(read_table("compounds")["term"])
        self._load_ambiguous(read_table("ambiguous")["term"])
        self._index()

    def _index(self) -> None:
        self.words = frozenset(word for phrase in self._exact for word in phrase.split())
        self._folded = self.spelling.folded_index(self._exact)
        self._length: dict[str, int] = {}
        for phrase in (*self._exact, *self._folded):
            first, n_words = phrase.split(" ", 1)[0], phrase.count(" ") + 1
            self._length[first] = max(self._length.get(first, 0), n_words)
        self._longest: dict[str, int] = {}
        self._sorted = sorted(self._exact)

    # Look up

    def longest(self, word: str) -> int:
        """Return how many words the longest phrase that begins with `word` has (0: none)."""
        found = self._longest.get(word)
        if found is None:
            forms = (word, self.spelling.fold(word), self.spelling.expand(word))
            found = max(self._length.get(form, 0) for form in forms)
            if len(self._longest) < _MOST_REMEMBERED:
                self._longest[word] = found
        return found

    def meaning(self, words: list[str]) -> Meaning | None:
        """Return the meaning of exactly these words, or None."""
        found = self._exact.get(" ".join(words))
        if found is not None:
            return found
        if len(words) > 1:
            return self._folded.get(self.spelling.folded_phrase(words))
        fold = self.spelling.fold(words[0])
        return self._folded.get(fold) or self._folded.get(self.spelling.expand(words[0]))

    def knows(self, word: str) -> bool:
        """Whether `word` stands in some phrase, in whatever spelling."""
        return word in self.words or self.longest(word) > 0

    def phrases_from(self, start: str) -> dict[str, Meaning]:
        """Return the phrases that begin with the characters `start`, sorted, with meanings."""
        position = bisect_left(self._sorted, start)
        found: dict[str, Meaning] = {}
        while position < len(self._sorted) and self._sorted[position].startswith(start):
            found[self._sorted[position]] = self._exact[self._sorted[position]]
            position += 1
        return found

    def completions(self, start: str) -> list[Meaning]:
        """Return the meanings of the phrases that begin with the characters `start`."""
        return list(self.phrases_from(start).values())

    def phrases(self) -> dict[str, Meaning]:
        """Return every phrase as written in the data files."""
        return dict(self._exact)

    # Load

    def _add(self, phrase: str, meaning: Meaning, *, declared: bool = False) -> None:
        key = " ".join(token.text for token in tokenise(phrase))
        if not key or (key in self._declared and not declared):
            return
        if self._exact.setdefault(key, meaning) != meaning:
            raise ConfigurationError(
                f"vocabulary: {key!r} means {_brief(self._exact[key])} and {_brief(meaning)}; "
                "keep one, or declare it in ambiguous.toml with the rules of its context"
            )

    def _load_terms(self, terms: Table, slot: str) -> None:
        for value, entry in terms.items():
            sense = _sense(entry.get("slot", slot), value, entry)
            self.senses[(sense.slot, value)] = sense
            for phrase in (value, *entry.get("names", ())):
                self._add(phrase, (sense,))
            if sense.text:
                self._add(sense.text, (sense,))

    def _load_intervention_words(self, table: Table) -> None:
        guided = Sense("technique", "guided", "guided", (), frozenset({"guidance"}))
        self.senses[("technique", "guided")] = guided
        for phrase in table["guidance"]["names"]:
            self._add(phrase, (guided,))
        for value, names in table["how"].items():
            sense = Sense("technique", value, value)
            self.senses[("technique", value)] = sense
            for phrase in (value, *names):
                self._add(phrase, (sense,))

    def _load_ignored(self, table: Table) -> None:
        join = Sense("ignored", "join", "")
        self.senses[("ignored", "join")] = join
        for phrase in table["join"]["words"]:
            self._add(phrase, (join,))
        excluding = Sense("ignored", "excluding", "excluding", (), frozenset({"excluding"}))
        for phrase in table["excluding"]["words"]:
            self._add(phrase, (excluding,))
        for phrase in table["retired"]["words"]:
            retired = Sense("ignored", phrase, "", (), frozenset({"retired"}))
            self._add(phrase, (retired,))
        for value, entry in table["term"].items():
            for phrase in entry["names"]:
                self._add(phrase, (Sense("ignored", value, ""),))

    def _load_non_clinical(self, table: Table) -> None:
        for kind in ("event", "line"):
            for phrase in table[kind]["names"]:
                sense = Sense("non_clinical", kind, phrase, (), frozenset({kind}))
                self._add(phrase, (sense,))

    def _load_adjectives(self, table: Table) -> None:
        for phrase, kinds in table.items():
            named = {
                kind: self.senses[("anatomy", kinds[kind])] if kind in kinds else None
                for kind in ("plain", "artery", "vein", "flow")
            }
            plain = named["plain"] or named["artery"] or named["vein"]
            if plain is None:
                raise ConfigurationError(f"vocabulary: the adjective {phrase!r} names nothing")
            self._add(
                phrase,
                Adjective(plain, named["artery"], named["vein"], named["flow"]),
                declared=True,
            )

    def _load_compounds(self, table: Table) -> None:
        for expansion, names in table.items():
            senses = self._read_compound(expansion)
            for phrase in (expansion, *names):
                self._add(phrase, senses)

    def _read_compound(self, expansion: str) -> tuple[Sense, ...]:
        words = expansion.split()
        senses: list[Sense] = []
        while words:
            for n_words in range(len(words), 0, -1):
                phrase = " ".join(words[:n_words])
                part = self.senses.get(("anatomy", phrase))
                # a part that is ambiguous by itself is plain inside a compound
                meaning = self._exact.get(phrase) or ((part,) if part else None)
                if isinstance(meaning, tuple) and meaning and isinstance(meaning[0], Sense):
                    senses.extend(part for part in meaning if isinstance(part, Sense))
                    words = words[n_words:]
                    break
            else:
                raise ConfigurationError(
                    f"vocabulary: compounds.toml, {expansion!r}: {words[0]!r} is no plain word"
                )
        return tuple(senses)

    def _load_ambiguous(self, table: Table) -> None:
        for phrase, rules in table.items():
            self._add(phrase, tuple(self._rule(phrase, rule) for rule in rules), declared=True)

    def _rule(self, phrase: str, rule: Table) -> Rule:
        senses: list[Sense] = []
        for reading in rule["reads"].split("+"):
            slot, _, value = reading.partition(":")
            if slot in {"unknown", "join"}:
                senses.append(
                    Sense("unknown", phrase, phrase)
                    if slot == "unknown"
                    else self.senses[("ignored", "join")]
                )
                continue
            if (slot, value) not in self.senses:
                raise ConfigurationError(
                    f"vocabulary: ambiguous.toml, {phrase!r}: there is no {reading!r}"
                )
            senses.append(self.senses[(slot, value)])
        if rule.get("doubt"):
            senses = [
                sense._replace(traits=sense.traits | {f"may be {rule['doubt']}"})
                for sense in senses
            ]
        return Rule(
            tuple(senses),
            *(
                frozenset(rule.get(name, ()))
                for name in ("modality", "next", "previous", "has", "lacks")
            ),
        )


def _declared_phrases() -> frozenset[str]:
    ambiguous = read_table("ambiguous")["term"]
    adjectives = read_table("anatomy_vessels")["adjective"]
    return frozenset((*ambiguous, *adjectives))


def _sense(slot: str, value: str, entry: Table) -> Sense:
    implied = tuple((name, part) for name in _IMPLIED for part in as_list(entry.get(name)))
    traits = [name for name in _TRAITS if entry.get(name)]
    if "vessel" in entry:
        traits.append(entry["vessel"])
    return Sense(
        slot, entry.get("means", value), entry.get("text", value), implied, frozenset(traits)
    )


def _brief(meaning: Meaning) -> str:
    if isinstance(meaning, Adjective):
        return "an adjective"
    return " + ".join(
        f"{part.slot} {part.value!r}" if isinstance(part, Sense) else "a rule" for part in meaning
    )


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the one lexicon, loaded on first use."""
    return Lexicon()
