"""Write files whole: under a temporary name, then renamed."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from typing import TYPE_CHECKING
from uuid import uuid4

from support.errors import ConfigurationError, InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FULL = (ENOSPC, EDQUOT, EFBIG)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part; text as UTF-8.

    Who may read an old file may read the new one; a new name gets what the user's umask leaves.

    Raises
    ------
    InputFileError
        When the file cannot be written; the old one is untouched.
    """
    if path.is_dir():
        raise InputFileError(f"{path}: is a directory, a file name is expected")
    with writing(path):
        replace_whole(path, content.encode() if isinstance(content, str) else content)


def replace_whole(path: Path, content: bytes) -> None:
    """Do as `write_whole`; OSError when the file cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        if path.is_file():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def spare_inputs(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse an output that is one of the inputs, under whatever name.

    Raises
    ------
    ConfigurationError
    """
    try:
        if output.is_dir():
            raise ConfigurationError(f"{output}: is a directory, a file name is expected")
        if output.exists() and any(path.exists() and path.samefile(output) for path in inputs):
            raise ConfigurationError(f"{output}: is an input; give another --output")
    except OSError as error:
        raise ConfigurationError(f"{output}: no usable path ({error.strerror})") from None


@contextmanager
def writing(path: Path, way_out: str = "") -> Iterator[None]:
    """Say in one line why a file cannot be written within the block, and the way out.

    Parameters
    ----------
    path : Path
    way_out : str
        For a full disk: make room, then what.

    Raises
    ------
    InputFileError
    """
    try:
        yield
    except OSError as error:
        why = f"{path}: cannot be written ({error.strerror or error})"
        if error.errno in _FULL:
            why += f"; make room, then {way_out or 'run the same again'}"
        raise InputFileError(why) from None


@contextmanager
def writing_cache(folder: Path) -> Iterator[None]:
    """Say in one line why a cache cannot be written within the block, and the way out.

    Raises
    ------
    InputFileError
    """
    try:
        yield
    except OSError as error:
        room = "make room, or " if error.errno in _FULL else ""
        raise InputFileError(
            f"{folder}: the cache cannot be written ({error.strerror or error}); "
            f"{room}set RADTUNE_CACHE to a folder that can"
        ) from None
