"""Keep numpy arrays in one file: a cache that is written whole and may be broken when read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from support.arrays.sealed_file import read_sealed, write_sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[Any]"]


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays under their names.

    Raises
    ------
    InputFileError
        When the file cannot be written.
    """
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    write_sealed(path, file.getvalue())


def read_arrays(path: Path) -> Arrays:
    """Read the arrays of a file; none where there is no file, or not as it was written."""
    content = read_sealed(path)
    if content is None:
        return {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
