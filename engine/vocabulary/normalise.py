"""Cut an exam name into lower-case tokens that know where they stand in the name as given."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_SIGNS = {"&": "and", "x-r": "xr", "x.r": "xr", "x/r": "xr", "±": "+/-", "-/+": "+/-"}
# "X-R" is an X-ray, "X R knee" one of the right knee.
# "C-" and "-C" say "without contrast", at the end of a name also behind a word ("chest-C"); any
# other hyphen only separates ("C-spine", "C1-C3", "spine-C").
_TOKEN = re.compile(
    r"(?<!\w)x[-./]r(?!\w)"
    r"|[^\W\d_]+(?:['\u2019`\u00b4][^\W\d_]+)*"
    r"|\d+(?:\.\d+)?"
    r"|\+\s*/\s*-|-/\+|±"
    r"|(?<=(?<!\w)[ck])-(?!\w)|(?<=(?<!\w)c/)-(?!\w)|(?<=(?<!\w)ce)-(?!\w)"
    r"|(?<!\w)-(?=c(?!\w)(?![-\s]*sp))"
    r"|(?<=[a-z]{3})(?<!spine)(?<!spin)-(?=c\s*(?:$|[),/]))"
    r"|(?<=[+])-(?=\s|$)|(?<=\w-)\+"
    r"|[&+<>]"
)
_APOSTROPHES = str.maketrans("", "", "'\u2019`\u00b4")


class Token(NamedTuple):
    """One word, number or sign.

    Attributes
    ----------
    text : str
        Letters in lower case without accents, digits, or one of ``+ - +/- < >``; ``&`` is "and".
    start, end : int
        Character offsets in the name as given, ``start < end``.
    gap : str
        What stands between the token before and this one, as given ("" where they are glued).
    """

    text: str
    start: int
    end: int
    gap: str


def tokenise(text: str) -> list[Token]:
    """Cut `text` into tokens.

    Letters and digits are cut apart ("L5", "2V", "Tc99m"), "C+" becomes two tokens, every
    separator (blank, slash, caret, underscore, comma, bracket, hyphen) stands in the next gap.
    Compatibility forms and accents are folded (Unicode Standard Annex 15, NFKD).

    Returns
    -------
    list of Token
        In the order of the text; spans do not overlap.
    """
    folded, origin = _fold(text)
    folded = folded.replace("_", " ")  # to a regular expression "_" is a letter, here a separator
    tokens: list[Token] = []
    previous = 0
    for match in _TOKEN.finditer(folded):
        word = match.group()
        start, end = match.span()
        if origin:
            gap = text[previous : origin[start]] if tokens else text[: origin[start]]
            start, end = origin[start], origin[end - 1] + 1
        else:
            gap = text[previous:start]
        tokens.append(Token(_plain(word), start, max(end, start + 1), gap))
        previous = end
    return tokens


def _plain(word: str) -> str:
    if word.isalpha() and word.isascii():
        return word
    if word[0] == "+" and len(word) > 1:
        return "+/-"
    return _SIGNS.get(word, word.translate(_APOSTROPHES))


def _fold(text: str) -> tuple[str, list[int]]:
    """Return the folded text and, unless it is plain ASCII, the origin of each character."""
    if text.isascii():
        return text.lower(), []
    letters: list[str] = []
    origin: list[int] = []
    for position, letter in enumerate(text):
        for part in unicodedata.normalize("NFKD", letter).casefold():
            for piece in unicodedata.normalize("NFKD", part):
                if not unicodedata.combining(piece):
                    letters.append(piece)
                    origin.append(position)
    return "".join(letters), origin or [0]
