"""Word the short name and the fully specified name of one examination."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from data.generator.source import Conventions, SourceError, Study, split_phrase

MAX_NAME_LENGTH = 40
SLOT_OF_AXIS = {
    "part": "anatomy",
    "technique": "technique",
    "action": "intervention",
    "context": "context",
}


_MANY_PARTS = 3  # body parts from which a short name drops "and"


class Exam(NamedTuple):
    """One point of a study's axes, without its side. Each value is a phrase of the source."""

    part: str
    technique: str
    action: str
    context: str
    contrast: str


def short_base_name(exam: Exam, study: Study, conventions: Conventions) -> str:
    """Word the short name of an exam: modality first, noun first, contrast last, no side.

    It may still be too long; see :func:`short_name`.
    """
    words = {
        axis: _short_wording(phrase, SLOT_OF_AXIS[axis], study, conventions)
        for axis, phrase in exam._asdict().items()
        if axis != "contrast"
    }
    filled = _fill(study.name, words)
    return _tidy(f"{filled} {conventions.contrast[exam.contrast][0]}")


def short_name(base_name: str, side: str, conventions: Conventions) -> str:
    """Add the side as the last word and shorten the name to 40 characters.

    Raises
    ------
    SourceError
        The shortening steps do not suffice.
    """
    name = f"{base_name} {conventions.sides[side].name}" if side != "none" else base_name
    for long, short in conventions.shortening:
        if len(name) <= MAX_NAME_LENGTH:
            return name
        name = re.sub(rf"\b{long}\b", short, name)
    if len(name) > MAX_NAME_LENGTH:
        raise SourceError(
            f"{name!r} has {len(name)} characters, at most {MAX_NAME_LENGTH} are allowed: "
            "reword it in its family file or add a step to conventions.toml [shortening]"
        )
    return name


def fully_specified_name(
    exam: Exam, base_name: str, study: Study, conventions: Conventions, seed: int
) -> str:
    """Word the fully specified name of an exam, in British or American spelling.

    The template and the spelling are drawn by a checksum of the seed and the short name, so that
    adding an exam never rewords another one.
    """
    draw = zlib.crc32(f"{seed}:{base_name}".encode())
    words = {
        axis: full_wording(phrase, SLOT_OF_AXIS[axis], conventions)
        for axis, phrase in exam._asdict().items()
        if axis != "contrast"
    }
    template = study.fsn[draw % len(study.fsn)]
    text = _tidy(f"{_fill(template, words)} {conventions.contrast[exam.contrast][1]}")
    if draw >> 16 & 1:
        for british, american in conventions.american:
            text = text.replace(british, american)
    return f"{text} (procedure)"


def full_wording(phrase: str, kind: str, conventions: Conventions) -> str:
    """Word a phrase for the fully specified name: own wording, or its terms joined."""
    own = conventions.wording[kind].get(phrase)
    if own is not None:
        return own[1]
    texts = [conventions.wording[kind].get(term, ("", term))[1] for term in split_phrase(phrase)]
    return _join(texts, commas=True) if kind == "anatomy" else " ".join(texts)


def _short_wording(phrase: str, kind: str, study: Study, conventions: Conventions) -> str:
    if phrase in study.words:
        return study.words[phrase]
    own = conventions.wording[kind].get(phrase)
    if own is not None:
        return own[0]
    texts = [
        study.words.get(term, conventions.wording[kind].get(term, (term, ""))[0])
        for term in split_phrase(phrase)
    ]
    return _join(texts, commas=False) if kind == "anatomy" else " ".join(texts)


def _join(texts: list[str], *, commas: bool) -> str:
    """Join body parts: ``a and b``, ``a, b and c``; short names of three or more have no "and"."""
    if len(texts) >= _MANY_PARTS and not commas:
        return " ".join(texts)
    head, last = texts[:-1], texts[-1] if texts else ""
    return f"{', '.join(head)} and {last}" if head else last


def _fill(template: str, words: Mapping[str, str]) -> str:
    capitals = {axis.capitalize(): _capitalised(text) for axis, text in words.items()}
    return template.format_map({**words, **capitals})


def _tidy(text: str) -> str:
    return _capitalised(" ".join(text.split()))


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
