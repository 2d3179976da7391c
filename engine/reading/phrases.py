"""Read the tokens of a name: the longest phrase first, then the ambiguous ones by context."""

from __future__ import annotations

from typing import NamedTuple

from engine.reading.abbreviations import expand_cut
from engine.reading.ambiguity import Place, settle
from engine.reading.numbers import read_numbered
from engine.reading.slots import Modality, Scope
from engine.reading.word_repair import correct_typo, repair
from engine.vocabulary.lexicon import Adjective, Meaning, Rule, Sense, lexicon
from engine.vocabulary.normalise import Token, tokenise

_SHORTEST_CUT = 3
_LONGEST_CUT_PHRASE = 5
_TWO = 2
_BEFORE_CONTRAST = frozenset({"+", "with", "w", "and", "wo", "without", "-"})


class Read(NamedTuple):
    """One run of tokens with what it means.

    Attributes
    ----------
    start, end : int
        Characters of the name as given.
    words : str
        The normalised words.
    gap : str
        What stands before the run, as given.
    inside : str
        What stands between its tokens.
    senses : tuple of Sense
    scope : Scope
    """

    start: int
    end: int
    words: str
    gap: str
    inside: str
    senses: tuple[Sense, ...]
    scope: Scope = Scope.AFFIRMED


class _Match(NamedTuple):
    first: int
    last: int
    meaning: Meaning


def read(text: str, code_modalities: frozenset[Modality] = frozenset()) -> list[Read]:
    """Read a name once, from left to right; what is read is never read again.

    `code_modalities` stand in where no word of the name states a modality.
    """
    tokens = repair(tokenise(text), text)
    matches = _without_machines(tokens, _match(tokens), code_modalities)
    senses = _settle_all(tokens, matches, code_modalities)
    return [
        Read(
            tokens[match.first].start,
            tokens[match.last - 1].end,
            " ".join([token.text for token in tokens[match.first : match.last]]),
            tokens[match.first].gap,
            "".join([token.gap for token in tokens[match.first + 1 : match.last]]),
            meant,
        )
        for match, meant in zip(matches, senses, strict=True)
    ]


def _match(tokens: list[Token]) -> list[_Match]:
    words = [token.text for token in tokens]
    matches: list[_Match] = []
    position = 0
    while position < len(tokens):
        match = _match_at(tokens, words, position)
        matches.append(match)
        position = match.last
    return matches


def _without_machines(
    tokens: list[Token], matches: list[_Match], code_modalities: frozenset[Modality]
) -> list[_Match]:
    """Leave out machines and rooms ("NM1", "CT2") of a modality that the name or code is not."""
    stated = [_stated_modalities(match.meaning) for match in matches]
    machines = {
        at for at, match in enumerate(matches) if stated[at] and _is_machine(tokens, match)
    }
    if not machines:
        return matches
    others = code_modalities.union(
        *(stated[at] for at in range(len(matches)) if at not in machines)
    )
    return [
        match._replace(meaning=_MACHINE)
        if at in machines and others and others.isdisjoint(stated[at])
        else match
        for at, match in enumerate(matches)
    ]


_MACHINE = (Sense("ignored", "machine", ""),)


def _is_machine(tokens: list[Token], match: _Match) -> bool:
    if match.last == len(tokens) or match.last - match.first > 1:
        return False
    number = tokens[match.last]
    return not number.gap and number.text.isdecimal()


def _stated_modalities(meaning: Meaning) -> frozenset[Modality]:
    return frozenset(
        Modality(value)
        for sense in _plain(meaning) or ()
        if sense.slot == "modality"
        for slot, value in sense.implied
        if slot == "modality"
    )


def _match_at(tokens: list[Token], words: list[str], position: int) -> _Match:
    numbered = read_numbered(tokens, position)
    if numbered is not None:
        return _Match(position, numbered.end, numbered.senses)
    known = lexicon()
    longest = min(known.longest(words[position]), len(words) - position)
    n_left = len(words) - position
    if longest > 1:
        longest = _before_caret(tokens, position, longest)
    if n_left <= _LONGEST_CUT_PHRASE and not known.knows(words[-1]):
        completed = _complete(words, position)
        if completed is not None:
            return _Match(position, len(words), completed)
    for n_words in range(longest, 0, -1):
        meaning = known.meaning(words[position : position + n_words])
        if meaning is not None and not _takes_spine_letter(tokens, words, position + n_words):
            return _Match(position, position + n_words, meaning)
    return _Match(position, position + 1, (_unknown(words[position]),))


def _takes_spine_letter(tokens: list[Token], words: list[str], end: int) -> bool:
    """Whether a phrase takes the letter of a level ("spine C1", "brain + C spine")."""
    if end >= _TWO and words[end - 2] == "spine" and read_numbered(tokens, end - 1) is not None:
        return True
    if words[end - 1] != "c" or end == len(words) or end < _TWO:
        return False
    if words[end - 2] not in _BEFORE_CONTRAST:
        return False
    if read_numbered(tokens, end - 1) is not None:
        return True
    meaning = lexicon().meaning(["c", words[end]])
    first = meaning[0] if meaning else None
    return isinstance(first, Sense) and first.slot == "anatomy"


def _before_caret(tokens: list[Token], position: int, longest: int) -> int:
    """No phrase reaches over a caret: it parts region and protocol, or code and name."""
    for n_words in range(1, longest):
        if "^" in tokens[position + n_words].gap:
            return n_words
    return longest


def _complete(words: list[str], position: int) -> Meaning | None:
    """Complete a name that was cut inside its last word, if only one meaning fits."""
    n_letters = len(words[-1]) + (position < len(words) - 1)
    if n_letters < _SHORTEST_CUT or not words[-1].isalpha():
        return None
    start = " ".join(words[position:])
    found = lexicon().completions(start) if len(start) > _SHORTEST_CUT else []
    if not found:
        return None
    first = found[0]
    if all(other == first for other in found):
        return first
    return _common_slot_value(found)


def _common_slot_value(found: list[Meaning]) -> Meaning | None:
    # "embolis" begins several phrases; the plainest one is meant if it says what all say.
    values = {
        (part[0].slot, part[0].value)
        for part in found
        if isinstance(part, tuple) and part and isinstance(part[0], Sense)
    }
    return found[0] if len(values) == 1 else None


def _unknown(word: str) -> Sense:
    if word[0].isdecimal() or not word.isalpha():
        return Sense("ignored", "number", word)
    corrected = correct_typo(word)
    if corrected == word:
        corrected = expand_cut(word)
    if corrected != word:
        meaning = lexicon().meaning([corrected])
        if isinstance(meaning, tuple) and meaning and isinstance(meaning[0], Sense):
            return meaning[0]
    return Sense("unknown", word, word)


def _settle_all(
    tokens: list[Token], matches: list[_Match], code_modalities: frozenset[Modality]
) -> list[tuple[Sense, ...]]:
    settled: list[tuple[Sense, ...] | None] = [_plain(match.meaning) for match in matches]
    if all(senses is not None for senses in settled):
        return [senses for senses in settled if senses is not None]
    words = [token.text for token in tokens]
    spans = [(match.first, match.last) for match in matches]
    meanings = [match.meaning for match in matches]
    for position, meaning in enumerate(meanings):
        if settled[position] is None:
            place = Place(words, spans, settled, meanings, position, code_modalities)
            settled[position] = settle(meaning, place)
    return [senses for senses in settled if senses is not None]


def _plain(meaning: Meaning) -> tuple[Sense, ...] | None:
    if isinstance(meaning, Adjective):
        return None
    senses = tuple(part for part in meaning if not isinstance(part, Rule))
    return senses or None
