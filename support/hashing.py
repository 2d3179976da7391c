"""SHA-256 of files, of whole packages and of documents."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from support.files import readable


def hash_of(document: object) -> str:
    """Hash anything that JSON can write (SHA-256, hexadecimal, keys sorted)."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hash a file's bytes (SHA-256, hexadecimal).

    Raises
    ------
    InputFileError
        When the file is missing, no file or unreadable.
    """
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def sha256_of_package(name: str) -> str:
    """Hash every file of a package, its sub-packages included, without what Python compiled.

    Parameters
    ----------
    name : str
        As it is imported.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return sha256_of_folder(Path(spec.origin).parent)


def sha256_of_folder(root: Path) -> str:
    """Hash the names and the bytes of all files below a folder, without what Python compiled."""
    digest = hashlib.sha256()
    files = (path for path in root.rglob("*") if path.is_file())
    for path in sorted(path for path in files if "__pycache__" not in path.parts):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
