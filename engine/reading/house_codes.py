"""Read a house code that is written as one word ("CCHAPC", "XKNEEL")."""

from __future__ import annotations

from functools import lru_cache

from engine.vocabulary.lexicon import read_table
from engine.vocabulary.normalise import tokenise

_SHORTEST, _LONGEST = 4, 10


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, str]]:
    return read_table("codes")


@lru_cache(maxsize=4096)
def expand_code(text: str) -> str | None:
    """Return the words of a code, or None where the letters do not spell one completely.

    A code is a modality letter, one or more body parts and at most one closing letter for
    contrast or side (the pattern of CRIS examination codes).
    """
    tokens = tokenise(text)
    if len(tokens) != 1 or not _SHORTEST <= len(tokens[0].text) <= _LONGEST:
        return None
    word = tokens[0].text
    modality = _tables()["modality"].get(word[0])
    if modality is None:
        return None
    rest = _expand_parts(word[1:], is_first=True)
    return None if rest is None else f"{modality} {rest}"


def _expand_parts(rest: str, *, is_first: bool) -> str | None:
    tables = _tables()
    if not is_first and (not rest or rest in tables["tail"]):
        return tables["tail"].get(rest, "")
    for length in range(min(5, len(rest)), 0, -1):
        part = tables["part"].get(rest[:length])
        if part is None and not is_first:
            part = tables["letter"].get(rest[:length])
        if part is not None:
            following = _expand_parts(rest[length:], is_first=False)
            if following is not None:
                return f"{part} {following}".strip()
    return None
