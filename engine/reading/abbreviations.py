"""Read words that a clerk cut short ("scaph") or wrote without vowels ("wrst")."""

from __future__ import annotations

from functools import lru_cache

from engine.vocabulary.lexicon import Adjective, Meaning, Sense, lexicon

_SHORTEST = 4
_VOWELS = str.maketrans("", "", "aeiou")
# A guess may name a body part or a technique; it never makes a side, contrast or intervention.
_MAY_BE_GUESSED = frozenset({"anatomy", "technique"})
_NEVER_IMPLIED = frozenset({"intervention", "contrast", "laterality"})
_NEVER_TRAITS = frozenset({"catheter", "invasive", "phase", "device", "act"})


@lru_cache(maxsize=1 << 14)
def expand_cut(word: str) -> str:
    """Return the known word that an unknown one of four letters or more stands for.

    It is the beginning of a known word, or its consonants; all known words of that beginning (or
    of those consonants) must mean the same. Otherwise the word comes back unchanged.
    """
    if len(word) < _SHORTEST or not word.isascii():
        return word
    starting = _beginning_with(word)
    if starting is not None:
        return starting
    if word[1:].translate(_VOWELS) == word[1:]:
        return _by_consonants().get(word, word)
    return word


def _beginning_with(start: str) -> str | None:
    known = lexicon().phrases_from(start)
    words = [phrase for phrase in known if " " not in phrase]
    if not words or any(phrase.split(" ", 1)[0] not in words for phrase in known):
        return None
    meanings = {repr(_plain(known[word])) for word in words}
    return words[0] if len(meanings) == 1 and _may_be_guessed(_plain(known[words[0]])) else None


def _plain(meaning: Meaning) -> Meaning:
    """Read an adjective ("axillary") as its noun, which it means outside vascular names."""
    return (meaning.plain,) if isinstance(meaning, Adjective) else meaning


def _may_be_guessed(meaning: Meaning) -> bool:
    return all(
        isinstance(sense, Sense)
        and sense.slot in _MAY_BE_GUESSED
        and not sense.traits & _NEVER_TRAITS
        and not any(slot in _NEVER_IMPLIED for slot, _ in sense.implied)
        for sense in meaning
    )


@lru_cache(maxsize=1)
def _by_consonants() -> dict[str, str]:
    """Words by their first letter and consonants; consonants that words share are left out."""
    known = lexicon().phrases()
    words: dict[str, list[str]] = {}
    for phrase in known:
        bare = phrase[:1] + phrase[1:].translate(_VOWELS)
        if phrase.isalpha() and phrase != bare and len(bare) >= _SHORTEST:
            words.setdefault(bare, []).append(phrase)
    return {
        bare: found[0]
        for bare, found in words.items()
        if len({repr(known[word]) for word in found}) == 1 and _may_be_guessed(known[found[0]])
    }
