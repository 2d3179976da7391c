"""Read files that people wrote: every way in which they can be wrong gets one clear line."""

from __future__ import annotations

import json
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_json(path: Path) -> object:
    """Read one JSON file (UTF-8, with or without a byte order mark).

    Raises
    ------
    InputFileError
        When the file is missing, no file, unreadable, not UTF-8, empty or not JSON.
    """
    text = read_text(path)
    if not text.strip():
        raise InputFileError(f"{path}: the file is empty; a JSON document is expected")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from None
    except (RecursionError, ValueError):
        raise InputFileError(
            f"{path}: not valid JSON (nested too deeply, or a number too long)"
        ) from None


def read_json_records(path: Path) -> list[object]:
    """Read a JSON file that holds a list with at least one element.

    Raises
    ------
    InputFileError
        As `read_json`, and when the document is no list or an empty one.
    """
    document = read_json(path)
    if not isinstance(document, list):
        kind = "an object" if isinstance(document, dict) else "a single value"
        raise InputFileError(f"{path}: a JSON list of records is expected, found {kind}")
    if not document:
        raise InputFileError(f"{path}: the list is empty; at least one record is needed")
    return document


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Raises
    ------
    InputFileError
        When the file is missing, no file, unreadable or not UTF-8.
    """
    try:
        return _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(
            f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be opened or read within the block.

    Raises
    ------
    InputFileError
        When the file is missing, a directory, a pipe or device (which may have no end), or
        unreadable.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputFileError(f"{path}: is a directory, a file is expected")
        if not stat.S_ISREG(mode):
            raise InputFileError(f"{path}: is a pipe or a device, a file is expected")
        yield
    except FileNotFoundError:
        raise InputFileError(f"{path}: no such file") from None
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({error.strerror or error})") from None


def _read_bytes(path: Path) -> bytes:
    with readable(path):
        return path.read_bytes()
