"""Repair the words of a name that no phrase knows: glued words and typing errors."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import OSA

from engine.reading.abbreviations import expand_cut
from engine.vocabulary.lexicon import Adjective, Sense, lexicon
from engine.vocabulary.normalise import Token

_SHORTEST_TYPO = 5
_SHORTEST_GLUED = 4
_SHORTEST_PIECE = 4
# a side ("LKNEE") or a segment ("TSPINE") in front
_FIRST_LETTERS = frozenset("lrct")
_LONGEST_RESIDUE = 6
_LONG_PIECE = 8
_MODALITY_PIECES = frozenset({"ct", "mr", "us", "nm", "xr"})
_LONGEST_WORD = 60
_LONGEST_PHRASE_WORD = 18
_TWO = 2
# "McHall" and "DeFoot" are people
_OF_SURNAMES = frozenset({"mc", "mac", "de", "di", "la", "le", "van", "von", "st"})
_CAPITALISED = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def repair(tokens: list[Token], text: str) -> list[Token]:
    """Replace unknown words by the known words they are made of or miswritten from.

    Spans are kept: a piece of a glued word covers its own letters. A word is repaired only when
    it is unknown, so that no repair leads from one known word to another. Capitals inside an
    unknown word show where it was glued ("FemurR", "CTVChest").

    Parameters
    ----------
    tokens : list of Token
    text : str
        The name as given, from which the tokens were cut.
    """
    known = lexicon().knows
    tokens = [piece for token in tokens for piece in _cut_at_capitals(token, text)]
    if all(token.text[0].isdecimal() or known(token.text) for token in tokens):
        return tokens
    repaired: list[Token] = []
    last = len(tokens) - 1
    for position, token in enumerate(tokens):
        word = token.text
        if known(word) or not word.isalpha():
            repaired.append(token)
            continue
        pieces = split_glued(word)
        if pieces[-1] in _MODALITY_PIECES and correct_typo(word) != word:
            pieces = (word,)  # "sternm" is a sternum, no "ster" NM
        if len(pieces) > 1:
            repaired.extend(_cut(token, pieces))
        elif position == last and completes(word):
            repaired.append(token)
        else:
            corrected = correct_typo(word)
            repaired.append(
                token._replace(text=expand_cut(word) if corrected == word else corrected)
            )
    return repaired


def _cut_at_capitals(token: Token, text: str) -> list[Token]:
    word = text[token.start : token.end]
    if word[1:].islower() or word.isupper() or not word.isascii() or len(word) != len(token.text):
        return [token]
    if is_whole_phrase(token.text):
        return [token]
    pieces = _lower_pieces(_CAPITALISED.findall(word))
    if "".join(pieces) != token.text or len(pieces) == 1 or pieces[0] in _OF_SURNAMES:
        return [token]
    known = [piece for piece in pieces if lexicon().knows(piece)]
    is_believed = len(known) >= min(len(pieces), _TWO) or any(
        len(piece) >= _SHORTEST_PIECE for piece in known
    )
    return _cut(token, pieces) if is_believed else [token]


def _lower_pieces(pieces: list[str]) -> tuple[str, ...]:
    """Lower the pieces; a capital goes to the short form before it where that leaves a word.

    "CTVChest" is CTV + Chest, but "PVphase" is PV + phase.
    """
    known = lexicon().knows
    lowered = [piece.lower() for piece in pieces]
    for at in range(len(pieces) - 1):
        first, second = lowered[at], lowered[at + 1]
        if pieces[at].isupper() and not known(second) and known(second[1:]):
            lowered[at : at + 2] = [first + second[0], second[1:]]
    return tuple(lowered)


def _cut(token: Token, pieces: tuple[str, ...]) -> list[Token]:
    cut: list[Token] = []
    start, gap = token.start, token.gap
    for piece in pieces:
        end = min(start + len(piece), token.end)
        cut.append(Token(piece, min(start, end - 1), end, gap))
        start, gap = end, ""
    return cut


@lru_cache(maxsize=1 << 14)
def completes(word: str) -> bool:
    """Whether a word may be the beginning of a known one, cut at the end of a name."""
    if len(word) < _SHORTEST_PIECE - 1:
        return False
    return bool(lexicon().completions(word))


@lru_cache(maxsize=1 << 14)
def split_glued(word: str) -> tuple[str, ...]:
    """Split a word into known words ("thoraxabdopelvis"); one unknown rest at an end may stay.

    Returns the word alone where no split covers it.
    """
    if len(word) < _SHORTEST_GLUED or len(word) > _LONGEST_WORD:
        return (word,)
    whole = _split_all(word)
    if len(whole) > 1:
        return whole
    if correct_typo(word) != word:
        return (word,)
    pair = _split_pair(word)
    if pair:
        return pair
    best: tuple[str, ...] = (word,)
    for cut in range(1, min(_LONGEST_RESIDUE, len(word) - 2 * _SHORTEST_PIECE) + 1):
        for pieces in (
            _with_rest(_split_all(word[:-cut]), after=word[-cut:]),
            _with_rest(_split_all(word[cut:]), before=word[:cut]),
        ):
            if pieces:
                return pieces
    return best


def _split_pair(word: str) -> tuple[str, ...]:
    """Split a word into two that begin a phrase together ("superiorvena" cava)."""
    known = lexicon()
    for cut in range(_SHORTEST_PIECE, len(word) - _SHORTEST_PIECE + 1):
        first, second = word[:cut], word[cut:]
        if first in known.words and second in known.words:
            phrases = known.phrases_from(f"{first} {second}")
            if any(phrase.split(" ")[1] == second for phrase in phrases):
                return (first, second)
    return ()


def _with_rest(pieces: tuple[str, ...], before: str = "", after: str = "") -> tuple[str, ...]:
    # A rest is believed beside two real words, or as a few letters behind one long word.
    if not pieces or (after or before) in lexicon().spelling.endings:
        return ()
    if len(pieces) == 1:
        believed = after and len(after) < _SHORTEST_PIECE and len(pieces[0]) >= _LONG_PIECE
    else:
        believed = sum(len(piece) >= _SHORTEST_PIECE for piece in pieces) > 1 or (
            sum(len(piece) for piece in pieces) > _LONG_PIECE
        )
    return tuple(part for part in (before, *pieces, after) if part) if believed else ()


def _split_all(word: str) -> tuple[str, ...]:
    """Cover `word` with the fewest known words, or return nothing."""
    n_letters = len(word)
    best: list[tuple[str, ...] | None] = [None] * (n_letters + 1)
    best[0] = ()
    for end in range(1, n_letters + 1):
        for start in range(max(0, end - _LONGEST_PHRASE_WORD), end):
            before = best[start]
            piece = word[start:end]
            if before is None or not _may_stand(piece, start, n_letters):
                continue
            current = best[end]
            if current is None or len(before) + 1 < len(current):
                best[end] = (*before, piece)
    found = best[n_letters]
    if not found or not any(len(piece) >= _SHORTEST_PIECE - 1 for piece in found):
        return ()
    # a letter in front is a side or a segment of the body part behind it ("Leach" is none)
    return found if len(found[0]) > 1 or _is_anatomy(found[1]) else ()


def _may_stand(piece: str, start: int, n_letters: int) -> bool:
    if len(piece) == 1:
        return not start and piece in _FIRST_LETTERS and n_letters > _SHORTEST_GLUED
    if piece in lexicon().spelling.pieces:
        return True
    return len(piece) >= _SHORTEST_PIECE and is_whole_phrase(piece)


@lru_cache(maxsize=1 << 15)
def is_whole_phrase(word: str) -> bool:
    """Whether the word alone has a meaning."""
    meaning = lexicon().meaning([word])
    if meaning is None:
        return False
    first = meaning[0]
    return not (isinstance(first, Sense) and first.slot == "non_clinical")


@lru_cache(maxsize=1)
def _neighbours() -> dict[str, list[str]]:
    """Known words by each form they take when one letter is dropped (SymSpell, Garbe 2012)."""
    index: dict[str, list[str]] = {}
    for word in sorted(lexicon().words):
        if len(word) >= _SHORTEST_TYPO - 1 and word.isalpha():
            for shorter in {word, *(_drop_each(word))}:
                index.setdefault(shorter, []).append(word)
    return index


def _drop_each(word: str) -> set[str]:
    return {word[:cut] + word[cut + 1 :] for cut in range(len(word))}


def _begins_alike(word: str, candidate: str) -> bool:
    """Tell whether the first letters agree, which are seldom mistyped but by a swap."""
    return (
        word[0] == candidate[0]
        or len(word) >= _LONG_PIECE
        or (word[0], word[1]) == (candidate[1], candidate[0])
    )


@lru_cache(maxsize=1 << 14)
def _may_correct(candidate: str) -> bool:
    """Of words of four letters only body parts are believed ("kneee"; "Marys" is no MARS)."""
    if len(candidate) >= _SHORTEST_TYPO:
        return True
    return _is_anatomy(candidate)


def _is_anatomy(word: str) -> bool:
    meaning = lexicon().meaning([word])
    if isinstance(meaning, Adjective):
        return True
    first = meaning[0] if meaning else None
    return isinstance(first, Sense) and first.slot == "anatomy"


@lru_cache(maxsize=1 << 14)
def correct_typo(word: str) -> str:
    """Return the one known word that is one edit away from an unknown word of five letters.

    One edit is an insertion, deletion, substitution or swap of neighbours (optimal string
    alignment distance 1). The word comes back unchanged when no known word is near, or two that
    mean different things.
    """
    if len(word) < _SHORTEST_TYPO:
        return word
    index = _neighbours()
    near = {
        candidate
        for form in (word, *_drop_each(word))
        for candidate in index.get(form, ())
        if OSA.distance(word, candidate, score_cutoff=1) <= 1
        and _begins_alike(word, candidate)
        and _may_correct(candidate)
    }
    if not near:
        return word
    fold = lexicon().spelling.fold
    meanings = {repr(lexicon().meaning([candidate]) or fold(candidate)) for candidate in near}
    if len({fold(candidate) for candidate in near}) == 1 or len(meanings) == 1:
        return min(near)
    whole = {candidate for candidate in near if is_whole_phrase(candidate)}
    if len({repr(lexicon().meaning([candidate])) for candidate in whole}) == 1:
        near = whole
        if all(candidate[0] == word[0] for candidate in whole):
            return max(whole, key=lambda candidate: (len(candidate), candidate))
    same_start = {candidate for candidate in near if candidate[0] == word[0]}
    return same_start.pop() if len(same_start) == 1 else word
