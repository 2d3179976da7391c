"""Keep memory-mapped arrays in a folder that is seen whole or not at all.

A folder is built under the name ``building-NAME`` and renamed when it is complete. Its builder
holds a lock in it, which the system lets go when the process ends: who finds no lock on such a
folder knows that its builder was stopped. Who wants the same arrays goes on with them
(`support.arrays.chunk_journal`), whoever wants others removes it.
"""

from __future__ import annotations

import fcntl
import io
import json
import math
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from support.atomic_files import writing_cache
from support.errors import InputFileError
from support.files import read_json, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

_MANIFEST = "manifest.json"
_LOCK = "lock"
_UNFINISHED = "building-"
_BLOCK = 1 << 20  # bytes


def open_or_build(
    folder: Path, key: str, names: Sequence[str], build: Callable[[Path], None]
) -> list[NDArray[Any]]:
    """Map the arrays of a folder, read-only; build it first where it is not there or not whole.

    Of several processes that want the same folder one builds it and the others wait.

    Parameters
    ----------
    folder : Path
    key : str
        Hash of what the arrays depend on.
    names : sequence of str
        The arrays, in the order in which they are returned.
    build : callable
        Writes the arrays into the folder it is given; see `create_arrays`. The folder may hold
        what an earlier build has left.

    Raises
    ------
    InputFileError
        When the folder cannot be written.
    """
    if not _is_whole(folder, key, names):
        with writing_cache(folder.parent), _unfinished(folder) as unfinished:
            if not _is_whole(folder, key, names):  # another process may have been faster
                build(unfinished)
                manifest = _describe(unfinished, key, names)
                (unfinished / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
                shutil.rmtree(folder, ignore_errors=True)
                unfinished.replace(folder)
    return map_arrays(folder, names)


def map_arrays(folder: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Map arrays, read-only, in the order of their names."""
    return [np.load(_file(folder, name), mmap_mode="r", allow_pickle=False) for name in names]


def map_unfinished(
    folder: Path, specimens: Mapping[str, NDArray[Any]], n_entries: int
) -> dict[str, NDArray[Any]] | None:
    """Map what `create_arrays` made for the same; None where one of them is none of these."""
    if not all(_is_of(_file(folder, name), like, n_entries) for name, like in specimens.items()):
        return None
    return dict(zip(specimens, map_arrays(folder, list(specimens)), strict=True))


def _is_of(path: Path, like: NDArray[Any], n_entries: int) -> bool:
    """Tell whether a file begins as such an array does and has its size.

    Numpy itself would read the damaged head of a file as a piece of Python.
    """
    shape = (n_entries, *like.shape[1:])
    head = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(like.dtype), "fortran_order": False}
    np.lib.format.write_array_header_1_0(head, {**described, "shape": shape})
    n_bytes = like.dtype.itemsize * math.prod(shape)
    try:
        with readable(path), path.open("rb") as file:
            begins = file.read(len(head.getvalue()))
            return begins == head.getvalue() and path.stat().st_size == len(begins) + n_bytes
    except InputFileError:
        return False


def create_arrays(folder: Path, specimens: Mapping[str, NDArray[Any]], n_entries: int) -> None:
    """Make room on disk for arrays like the given ones, but `n_entries` long.

    Raises
    ------
    OSError
        When there is no room: later, a process that writes to the map would be killed for it.
    """
    for name, array in specimens.items():
        path = _file(folder, name)
        shape = (n_entries, *array.shape[1:])
        path.unlink(missing_ok=True)  # it may be no file
        np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=shape)
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_entries(folder: Path, arrays: Mapping[str, NDArray[Any]], start: int) -> None:
    """Write some entries of arrays that `create_arrays` made, from position `start` on."""
    for name, array in arrays.items():
        kept = np.load(_file(folder, name), mmap_mode="r+", allow_pickle=False)
        kept[start : start + len(array)] = array


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _is_whole(folder: Path, key: str, names: Sequence[str]) -> bool:
    """Tell whether the folder holds the arrays of this key, as they were written."""
    try:
        manifest = read_json(folder / _MANIFEST)
        return (
            isinstance(manifest, dict)
            and manifest.get("key") == key
            and manifest.get("bytes") == _sizes(folder, names)
            and manifest == _describe(folder, key, names)
        )
    except (OSError, InputFileError):
        return False


def _describe(folder: Path, key: str, names: Sequence[str]) -> dict[str, object]:
    hashes = {name: _hash(_file(folder, name)) for name in names}
    return {"key": key, "bytes": _sizes(folder, names), "xxh3_128": hashes}


def _sizes(folder: Path, names: Sequence[str]) -> dict[str, int]:
    return {name: _file(folder, name).stat().st_size for name in names}


def _hash(path: Path) -> str:
    """Hash a file's bytes, block by block: against damage, not against forgery."""
    digest, block = xxhash.xxh3_128(), memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as file:
        while n_bytes := file.readinto(block):
            digest.update(block[:n_bytes])
    return digest.hexdigest()


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Yield a folder to build in; it stays for the next build, but not when the disk is full."""
    unfinished = folder.parent / f"{_UNFINISHED}{folder.name}"
    _remove_abandoned(folder.parent, unfinished)
    with _hold(unfinished) as lock:
        try:
            yield unfinished
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        if _is_in(lock, unfinished):  # another process was faster, and nothing was renamed
            shutil.rmtree(unfinished, ignore_errors=True)


def _remove_abandoned(cache: Path, wanted: Path) -> None:
    """Remove what stopped builders have left, but for what is wanted now."""
    for path in cache.glob(f"{_UNFINISHED}*"):
        if path == wanted:
            continue
        # locked by its builder, or renamed meanwhile: not abandoned
        with suppress(BlockingIOError, FileNotFoundError), (path / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)


def _hold(folder: Path) -> TextIO:
    """Make a folder and lock it until the file returned is closed, or the process ends."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = (folder / _LOCK).open("a")
        except FileNotFoundError:  # whoever held it has just renamed or removed it
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_in(lock, folder):
            return lock
        lock.close()


def _is_in(lock: TextIO, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat())
    except FileNotFoundError:
        return False
