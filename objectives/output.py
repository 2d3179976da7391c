"""Write files whole: under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.errors import InputFileError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part; text as UTF-8.

    Raises
    ------
    InputFileError
        When the file cannot be written; the old one is untouched.
    """
    if path.is_dir():
        raise InputFileError(f"{path}: is a directory, a file name is expected")
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise InputFileError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
