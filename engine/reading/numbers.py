"""Read what is written with numbers: spine levels, views, weeks (12/40), field strengths (3T)."""

from __future__ import annotations

from typing import NamedTuple

from engine.vocabulary.lexicon import Sense, lexicon
from engine.vocabulary.normalise import Token

_LEVELS = {
    "c": ("cervical spine", 7),
    "t": ("thoracic spine", 12),
    "th": ("thoracic spine", 12),
    "d": ("thoracic spine", 12),
    "l": ("lumbar spine", 5),
    "s": ("sacrum", 5),
}
_LAST_WEIGHTING = 2
_LAST_LEVEL = 12
_LINKS = frozenset({"to", "and", "-", "+"})
_VIEWS = frozenset({"v", "view", "views", "vw", "vws", "proj", "projections", "projection"})
_SPELLED = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}


_TERM = "40"
_LAST_WEEK = 42
# the last week of the first and of the second trimester (NICE NG201)
_FIRST_ENDS, _SECOND_ENDS = 13, 27
_STRONGEST_MAGNET = 7.0


class Numbered(NamedTuple):
    """Senses read from the tokens before position `end`."""

    end: int
    senses: tuple[Sense, ...]


def read_numbered(tokens: list[Token], position: int) -> Numbered | None:
    """Read levels, views, weeks or a field strength from `position` on, or return None."""
    return (
        _read_levels(tokens, position)
        or _read_views(tokens, position)
        or _read_weeks(tokens, position)
        or _read_field_strength(tokens, position)
    )


def _level(tokens: list[Token], position: int) -> str | None:
    if position + 1 >= len(tokens) or tokens[position + 1].gap:
        return None
    region = _LEVELS.get(tokens[position].text)
    number = tokens[position + 1].text
    if region is None or not number.isdecimal() or not 1 <= int(number) <= region[1]:
        return None
    return region[0]


def _read_levels(tokens: list[Token], position: int) -> Numbered | None:
    first = _level(tokens, position)
    if first is None or not _is_spine(tokens, position):
        return None
    levels = [(first, int(tokens[position + 1].text))]
    end = position + 2
    while end < len(tokens):
        following = end + (tokens[end].text in _LINKS)
        region = _level(tokens, following)
        if region is not None:
            levels.append((region, int(tokens[following + 1].text)))
            end = following + 2
        elif following < len(tokens) and _continues(tokens[following]):
            end = following + 1
        else:
            break
    senses = lexicon().senses
    return Numbered(end, tuple(senses["anatomy", region] for region in _shown(levels)))


def _shown(levels: list[tuple[str, int]]) -> list[str]:
    """Return the parts of the spine that show some levels.

    S1 behind lumbar levels is the last of them (L5/S1); from the neck to the loin is all of it.
    """
    regions = list(dict.fromkeys(region for region, _ in levels))
    if "lumbar spine" in regions and "sacrum" in regions and levels[-1] == ("sacrum", 1):
        regions.remove("sacrum")
    if regions[0] == "cervical spine" and regions[-1] in {"lumbar spine", "sacrum"}:
        return ["spine"] if "thoracic spine" not in regions else regions
    return regions


def _continues(token: Token) -> bool:
    return (
        token.text.isdecimal()
        and token.gap.strip() in {"/", "-"}
        and int(token.text) <= _LAST_LEVEL
    )


def _is_spine(tokens: list[Token], position: int) -> bool:
    """T1 and T2 are also MR weightings, S1 may be anything: they need a partner."""
    if (
        tokens[position].text in {"c", "l", "th", "d"}
        or int(tokens[position + 1].text) > _LAST_WEIGHTING
    ):
        return True
    return any(
        token.text in {"spine", "vertebra", "facet", "nerve", "root"} for token in tokens
    ) or (position + 2 < len(tokens) and tokens[position + 2].gap.strip() in {"/", "-"})


def _read_views(tokens: list[Token], position: int) -> Numbered | None:
    number = tokens[position].text
    number = _SPELLED.get(number, number)
    if not number.isdecimal():
        return None
    end = position + 1
    if (
        end < len(tokens)
        and tokens[end].text.isdecimal()
        and tokens[end].gap.strip() in {"-", "/"}
    ):
        number += "-" + tokens[end].text
        end += 1
    if end < len(tokens) and tokens[end].text == "+":
        number, end = number + "+", end + 1
    elif [token.text for token in tokens[end : end + 2]] == ["or", "more"]:
        number, end = number + "+", end + 2
    if end >= len(tokens) or tokens[end].text not in _VIEWS:
        return None
    text = f"{number} view" + ("" if number == "1" else "s")
    return Numbered(end + 1, (Sense("technique", text, text),))


def _read_weeks(tokens: list[Token], position: int) -> Numbered | None:
    """Read completed weeks over forty, the British way to write a length of pregnancy."""
    week = tokens[position].text
    if not week.isdecimal() or position + 1 >= len(tokens) or int(week) > _LAST_WEEK:
        return None
    term = tokens[position + 1]
    if term.text != _TERM or term.gap.strip() != "/":
        return None
    trimester = "third" if int(week) > _SECOND_ENDS else "second"
    if int(week) <= _FIRST_ENDS:
        trimester = "first"
    sense = lexicon().senses["context", f"{trimester} trimester"]
    return Numbered(position + 2, (sense,))


def _read_field_strength(tokens: list[Token], position: int) -> Numbered | None:
    """Read the strength of a magnet ("1.5T", "3 tesla"), which says nothing of the exam."""
    number = tokens[position].text
    if not number[0].isdecimal() or position + 1 >= len(tokens):
        return None
    unit = tokens[position + 1]
    glued = unit.text == "t" and not unit.gap
    if not (glued or unit.text == "tesla") or not 0 < float(number) <= _STRONGEST_MAGNET:
        return None
    return Numbered(position + 2, (Sense("ignored", "field strength", ""),))
