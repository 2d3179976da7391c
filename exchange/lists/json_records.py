"""Read the records of a file of cases: a JSON list, or JSON Lines one record at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from support.errors import InputFileError
from support.files import read_json_records, readable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LINES = (".jsonl", ".ndjson")
ENDINGS = (".json", *_LINES)


class Record(NamedTuple):
    """One record of a file.

    Attributes
    ----------
    position : int
        From 1; the number of the line in JSON Lines.
    document : object
        A ValueError that says why, where a line is no JSON.
    """

    position: int
    document: object


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file; memory does not grow with one in JSON Lines.

    Raises
    ------
    InputFileError
        When the file cannot be read, is not UTF-8, is no list, or holds no record.
    """
    if is_lines(path):
        return _read_lines(path)
    return (Record(*numbered) for numbered in enumerate(read_json_records(path), start=1))


def is_lines(path: Path) -> bool:
    """Tell JSON Lines by the ending: ``.jsonl`` or ``.ndjson``."""
    return path.suffix.lower() in _LINES


def _read_lines(path: Path) -> Iterator[Record]:
    number = n_records = 0
    try:
        with readable(path), path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.isspace():
                    n_records += 1
                    yield Record(number, _parse(line))
    except UnicodeDecodeError:
        raise InputFileError(
            f"{path}: not UTF-8 text (after line {number}); save it as UTF-8"
        ) from None
    if not n_records:
        raise InputFileError(f"{path}: the file is empty; a JSON record a line is expected")


def _parse(line: str) -> object:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        return ValueError(f"not valid JSON ({error.msg})")
    except (RecursionError, ValueError):
        return ValueError("not valid JSON (nested too deeply, or a number too long)")
