"""Part cases by a name that many of them share, such as their site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


def each_group(names: Iterable[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield every name in alphabetical order, and which cases have it, shape (n_cases,)."""
    numbers: dict[str, int] = {}
    # numbers, because an array of text takes as much for every case as the longest name
    group = np.fromiter((numbers.setdefault(name, len(numbers)) for name in names), np.int32)
    for name in sorted(numbers):
        yield name, group == numbers[name]
