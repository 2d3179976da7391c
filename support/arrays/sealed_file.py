"""Keep a cache file with a seal: what was damaged, or belongs under another name, is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xxhash

from support.atomic_files import replace_whole, writing_cache

if TYPE_CHECKING:
    from pathlib import Path


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file whole, its seal before the content.

    Raises
    ------
    InputFileError
        When the file cannot be written.
    """
    with writing_cache(path.parent):
        replace_whole(path, _seal(path, content) + content)


def read_sealed(path: Path) -> bytes | None:
    """Return the content of a file that `write_sealed` wrote under this name; else None."""
    try:
        written = path.read_bytes() if path.is_file() else b""
    except OSError:
        return None
    n_bytes = len(_seal(path, b""))
    content = written[n_bytes:]
    return content if written[:n_bytes] == _seal(path, content) else None


def _seal(path: Path, content: bytes) -> bytes:
    """Hash name and content: against damage and mix-ups, not against forgery."""
    digest = xxhash.xxh3_128(path.name.encode() + b"\0")
    digest.update(content)
    return digest.digest()
