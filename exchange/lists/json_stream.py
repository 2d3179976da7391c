"""Read a JSON list element by element, so that memory does not grow with the file.

Not ijson: its parser in C (3.6) ends the process on a number of 5,000 digits, and takes all memory
on deep nesting.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_BLOCK = 1 << 16  # characters
_LONGEST = 1 << 24  # characters of an element
_TOO_MUCH = "nested too deeply, or a number too long"
_DECODER = json.JSONDecoder(parse_float=str)  # 1.10 stays as it was written


def parse_json(text: str) -> object:
    """Read a JSON document; a number with a point is kept as text.

    Raises
    ------
    ValueError
        Says why it is none, without quoting it.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(error.msg) from None
    except (RecursionError, ValueError):
        raise ValueError(_TOO_MUCH) from None


def each_element(file: TextIO) -> Iterator[object]:
    """Yield the elements of a JSON list.

    Raises
    ------
    ValueError
        Says why it is none, without quoting it; elements before that have been yielded.
    """
    window = _Window(file)
    if window.take() != "[":
        raise ValueError("a list is expected")
    if window.peek() == "]":
        window.take()
    else:
        mark = ","
        while mark == ",":
            yield window.element()
            mark = window.take()
        if mark != "]":
            raise ValueError("',' or ']' is expected after an element")
    if window.peek():
        raise ValueError("something follows the list")


class _Window:
    """The part of a file that is in memory."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is no blank; nothing at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in " \t\n\r":
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self) -> str:
        """Return the next character that is no blank, and go past it."""
        letter = self.peek()
        self._at += len(letter)
        return letter

    def element(self) -> object:
        """Return the next value, reading on until it is complete."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:  # perhaps it is only cut
                if len(self._text) - self._at > _LONGEST or not self._more():
                    raise ValueError(error.msg) from None
                continue
            except (RecursionError, ValueError):
                raise ValueError(_TOO_MUCH) from None
            if end < len(self._text) or not self._more():  # a number may go on
                self._at = end
                return value

    def _more(self) -> bool:
        """Read on, as much as is there already; elements of any length then cost the same."""
        rest = self._text[self._at :]
        block = self._file.read(max(_BLOCK, len(rest)))
        if block:
            self._text, self._at = rest + block, 0
        return bool(block)
