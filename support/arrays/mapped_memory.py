"""Give back the memory that mapped arrays took while they were read."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def release_pages(arrays: Iterable[NDArray[Any]]) -> None:
    """Let the pages of mapped files go; whoever reads them again gets them from the file."""
    for array in arrays:
        base: object = array
        while base is not None and not isinstance(base, mmap.mmap):
            base = getattr(base, "base", None)
        if base is not None:
            base.madvise(mmap.MADV_DONTNEED)
