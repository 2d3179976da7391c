"""Find what looks like a patient identifier in a text that should hold none, and mask it."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from stdnum.gb import nhs

if TYPE_CHECKING:
    from collections.abc import Iterator


_BIRTH = r"(?<![a-z])(?:d\.?\s?o\.?\s?b|born|birth\s?date|date\s{1,3}of\s{1,3}birth)(?![a-z])"
_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY_TH = rf"{_DAY}(?:st|nd|rd|th)?"
_MAYBE_JOIN = r"[-/.,_\s]{0,3}"
_JOIN = r"[-/.,_\s]{1,3}"
_SEP = r"\s{0,2}(?P<sep>[-/._\s])\s{0,2}"  # the same twice: "L1/2 2019" is no date
_SAME = r"\s{0,2}(?P=sep)\s{0,2}"

# What follows the introducing part stands in a lookahead: the next try may begin inside it.
_TEN_DIGITS = re.compile(r"(?<!\d)(?=(\d{3}[-\s._]{0,3}\d{3}[-\s._]{0,3}\d{4})(?!\d))")
_DATES = tuple(
    re.compile(rf"(?<!\d)(?P<date>{pattern})(?!\d)", re.IGNORECASE)
    for pattern in (
        rf"{_DAY}{_SEP}{_MONTH}{_SAME}{_YEAR}",
        rf"{_MONTH}{_SEP}{_DAY}{_SAME}{_YEAR}",
        rf"{_YEAR}(?P<sep>[-/._]){_MONTH}(?P=sep){_DAY}",
        rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
        rf"{_DAY_TH}{_MAYBE_JOIN}(?:of\s)?{_MONTH_NAME}{_MAYBE_JOIN}{_YEAR}",
        rf"(?<![a-z]){_MONTH_NAME}{_MAYBE_JOIN}{_DAY_TH}{_JOIN}{_YEAR}",
    )
)
# A short year says a date only where it is introduced: "C1-2-3" names vertebrae.
_DATE_OF_BIRTH = re.compile(
    rf"{_BIRTH}[\W_]{{0,4}}(?:on\s)?(?P<date>\d{{6}}(?:\d\d)?|\d{{1,4}}{_JOIN}\d{{1,2}}{_JOIN}"
    rf"\d{{1,4}}|{_DAY_TH}{_MAYBE_JOIN}(?:of\s)?{_MONTH_NAME}{_MAYBE_JOIN}\d\d)(?!\d)",
    re.IGNORECASE,
)
_ACCESSION = re.compile(
    r"(?<![^\W_])acc(?:ession)?(?:[\W_]{0,3}(?:no|num|number|nr|id))?(?![a-z])"
    r"(?=[\s.:#=_(\[-]{0,4}(?P<number>[^\W_]+(?:[-/._][^\W_]+){0,5}))",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 3  # of any identifier
_RUN = re.compile(r"[^\W_]+")
_LONG_NUMBER = re.compile(r"\d{7}")


class IdentifierKind(StrEnum):
    """The kinds of identifier, the surest first."""

    NHS_NUMBER = "NHS number"
    DATE = "date"
    ACCESSION_NUMBER = "accession number"


class Identifier(NamedTuple):
    """One run of characters that looks like a patient identifier.

    Attributes
    ----------
    kind : IdentifierKind
    start, end : int
        Character offsets, ``start < end``.
    """

    kind: IdentifierKind
    start: int
    end: int

    @property
    def placeholder(self) -> str:
        """What stands in its place when the text is shown."""
        return f"[{self.kind}]"


def find_identifiers(text: str) -> tuple[Identifier, ...]:
    """Return what looks like a patient identifier, in the order of the text, apart.

    A run of letters and digits is taken whole, so that masking leaves nothing glued to it.

    NHS number
        Ten digits, or three, three and four with blanks, hyphens, dots or underscores between,
        whose last is the right check digit (modulus 11).
    date
        Day, month and four-digit year in any usual spelling, and DICOM's ``YYYYMMDD``; with a
        two-digit year or without separators where "DOB" or "born" introduces it.
    accession number
        What "acc" or "accession" introduces, if it holds three digits; and any run of letters
        and digits with seven digits in a row, be it a hospital number or a concept id: masking a
        code does no harm.

    Source: NHS Data Dictionary, NHS NUMBER; DICOM PS3.5 section 6.2, value representation DA.
    """
    if sum(map(str.isdecimal, text)) < _FEWEST_DIGITS:
        return ()
    plain = _plain(text)
    pieces = (*_nhs_numbers(plain), *_dates(plain), *_accession_numbers(plain))
    apart: list[Identifier] = []
    for piece in sorted((_whole(piece, plain) for piece in pieces), key=_place):
        if apart and piece.start < apart[-1].end:
            apart[-1] = _joined(apart[-1], piece)
        else:
            apart.append(piece)
    return tuple(apart)


def mask(text: str) -> str:
    """Replace what looks like a patient identifier by its kind; twice changes nothing more."""
    masked, done = "", 0
    for found in find_identifiers(text):
        masked += text[done : found.start] + found.placeholder
        done = found.end
    return masked + text[done:]


def _nhs_numbers(text: str) -> Iterator[Identifier]:
    for match in _TEN_DIGITS.finditer(text):
        if nhs.is_valid("".join(filter(str.isdecimal, match[1]))):
            yield Identifier(IdentifierKind.NHS_NUMBER, *match.span(1))


def _dates(text: str) -> Iterator[Identifier]:
    for pattern in (*_DATES, _DATE_OF_BIRTH):
        for match in pattern.finditer(text):
            yield Identifier(IdentifierKind.DATE, *match.span("date"))


def _accession_numbers(text: str) -> Iterator[Identifier]:
    for match in _ACCESSION.finditer(text):
        if sum(map(str.isdecimal, match["number"])) >= _FEWEST_DIGITS:
            yield Identifier(IdentifierKind.ACCESSION_NUMBER, *match.span("number"))
    for match in _RUN.finditer(text):
        if _LONG_NUMBER.search(match[0]):
            yield Identifier(IdentifierKind.ACCESSION_NUMBER, *match.span())


def _place(identifier: Identifier) -> int:
    return identifier.start


def _whole(piece: Identifier, text: str) -> Identifier:
    """Stretch a piece over the letters and digits that are glued to it."""
    _, start, end = piece
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return piece._replace(start=start, end=end)


def _joined(first: Identifier, second: Identifier) -> Identifier:
    """Join two that overlap: nothing of either is left over, and the surer kind names them."""
    kind = min(first.kind, second.kind, key=list(IdentifierKind).index)
    return Identifier(kind, first.start, max(first.end, second.end))


def _plain(text: str) -> str:
    """Write digits, dashes and blanks of every script as in ASCII, character for character."""
    return text if text.isascii() else "".join(map(_plain_letter, text))


def _plain_letter(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(letter) == "Pd" or letter == "\N{MINUS SIGN}":
        return "-"
    return " " if letter.isspace() else letter
