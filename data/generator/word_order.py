"""Put the phrases of a name in order, in the letter case of the site."""

from __future__ import annotations

import random
from typing import NamedTuple

from data.generator.phrases import Phrases
from data.generator.site import Site, pick

AFTER_MODALITY = 0.7
MODALITY_LAST = 0.12
HEAD_FIRST = 0.5
MIN_WORD = 3


class Piece(NamedTuple):
    """A phrase in its place; role is modality, words, side or contrast."""

    role: str
    text: str


def order_pieces(phrases: Phrases, site: Site, rng: random.Random) -> list[Piece]:
    """Put the phrases in an order that the site uses."""
    middle = _middle(phrases, site, rng)
    lead = _lead(phrases)
    tail = [Piece("words", text) for text in [*phrases.context, *phrases.tail]]
    if phrases.row.slots.interventional and phrases.modality and rng.random() < MODALITY_LAST:
        pieces = [*middle, *tail, *lead]
    else:
        pieces = [*lead, *middle, *tail]
    pieces = [piece for piece in pieces if piece.text]
    if tail and rng.random() < site.technique_brackets:
        place = pieces.index(tail[-1])
        pieces[place] = Piece("words", f"({pieces[place].text})")
    return _add_side_and_contrast(pieces, phrases, site, rng)


def _lead(phrases: Phrases) -> list[Piece]:
    return [
        Piece("modality", phrases.lead or phrases.modality),
        Piece("words", phrases.guided.lower()),
    ]


def _middle(phrases: Phrases, site: Site, rng: random.Random) -> list[Piece]:
    anatomy = Piece("anatomy", phrases.anatomy)
    head = [Piece("words", text) for text in phrases.head]
    core = [Piece("words", text) for text in phrases.core]
    if not phrases.anatomy:
        return [*head, *core]
    action_first = rng.random() < site.action_first
    if core:
        return [*head, *core, anatomy] if action_first else [anatomy, *head, *core]
    return [*head, anatomy] if action_first or rng.random() < HEAD_FIRST else [anatomy, *head]


def _add_side_and_contrast(
    pieces: list[Piece], phrases: Phrases, site: Site, rng: random.Random
) -> list[Piece]:
    contrast = [Piece("contrast", phrases.contrast)] if phrases.contrast else []
    if not phrases.side:
        return [*pieces, *contrast]
    place = pick(rng, site.side_place)
    if phrases.side in {"both sides", "left and right"}:
        place = "end"
    positions = [number for number, piece in enumerate(pieces) if piece.role == "anatomy"]
    if place == "before_anatomy" and positions:
        pieces = [*pieces[: positions[0]], _side(phrases, ""), *pieces[positions[0] :]]
        return [*pieces, *contrast]
    if place == "start":
        first = 1 if pieces[0].role == "modality" and rng.random() < AFTER_MODALITY else 0
        return [*pieces[:first], _side(phrases, ""), *pieces[first:], *contrast]
    side = _side(phrases, place)
    if contrast and pick(rng, site.contrast_place) == "before_side":
        return [*pieces, *contrast, side]
    return [*pieces, side, *contrast]


def _side(phrases: Phrases, place: str) -> Piece:
    text = phrases.side
    if place == "brackets_end" and "(" not in text:
        text = f"({text})"
    elif place == "dash_end":
        text = f"- {text}"
    elif place == "comma_end":
        text = f", {text}"
    return Piece("side", text)


def write_out(pieces: list[Piece], site: Site, rng: random.Random) -> str:
    """Join the pieces in the letter case of the site."""
    mode = pick(rng, site.case)
    texts = [_cased(piece, mode, is_first=_is_first(pieces, piece)) for piece in pieces]
    name = " ".join(text for text in texts if text).replace(" ,", ",")
    name = " ".join(name.split())
    if mode == "upper":
        return name.upper()
    if mode == "lower":
        return name.lower()
    return name[0].upper() + name[1:] if mode == "sentence" else name


def _is_first(pieces: list[Piece], piece: Piece) -> bool:
    spoken = [other for other in pieces if other.role in {"words", "anatomy"}]
    return bool(spoken) and spoken[0] is piece


def _cased(piece: Piece, mode: str, *, is_first: bool) -> str:
    if piece.role not in {"words", "anatomy"} or mode in {"upper", "lower"}:
        return piece.text
    words = piece.text.split(" ")
    if mode == "title":
        return " ".join(_title(word) for word in words)
    start = words[:1] if is_first else []
    return " ".join([*start, *(_quiet(word) for word in words[len(start) :])])


def _title(word: str) -> str:
    if word in {"and", "of", "in", "for", "to"}:
        return word
    return word[:1].upper() + word[1:]


def _quiet(word: str) -> str:
    is_plain_capital = len(word) >= MIN_WORD and word[0].isupper() and word[1:].islower()
    return word.lower() if is_plain_capital and word[1:].isalpha() else word
