"""The errors a user can mend: one line that names the file, the field and the way out."""

from __future__ import annotations

import re
from reprlib import Repr
from sys import maxsize
from typing import ClassVar

_LONGEST = 2000  # characters of a message
_IN_URL = re.compile(r"(:/{1,2}[^\s/:@]*:)\S+(?=@)")
_AS_OPTION = re.compile(r"(passw\w{0,40}(?:\s?=\s?|%3D))[^\s&'\")]+", re.IGNORECASE)


class RadTuneError(Exception):
    """A mistake in what the user gave; the message alone says how to go on.

    Parameters
    ----------
    message : str
        Kept as one line that a terminal can show: what cannot be printed is escaped, a password
        in a URL hidden.

    Attributes
    ----------
    exit_code : int
        Of the command that it ends.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class InputFileError(RadTuneError):
    """A file is missing, unreadable, malformed or holds nothing to work on."""


class ConfigurationError(RadTuneError):
    """A configuration key is unknown, missing or out of its range."""


class StudyError(RadTuneError):
    """A study or its database cannot be opened, continued or trusted."""


class ComputeError(RadTuneError):
    """A scheduler or its compute workers cannot be reached, trusted or used."""

    exit_code: ClassVar[int] = 6


def hide_passwords(text: str) -> str:
    """Put stars in the place of passwords in URLs and options, wherever a text quotes them."""
    return _AS_OPTION.sub(r"\1***", _IN_URL.sub(r"\1***", text))


def shown(value: object) -> str:
    """Write a value as `repr` does, however deeply it is nested."""
    return _SHALLOW.repr(value)


# Only the depth is cut: an identifier in a value must be whole to be recognised and masked.
_SHALLOW = Repr()
_SHALLOW.maxdict = _SHALLOW.maxlist = _SHALLOW.maxtuple = maxsize
_SHALLOW.maxstring = _SHALLOW.maxlong = _SHALLOW.maxother = maxsize


def _one_line(message: str) -> str:
    message = hide_passwords(message[: 2 * _LONGEST])  # what takes time on a giant line
    line = message if len(message) <= _LONGEST else f"{message[:_LONGEST]} ..."
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in line
    )
