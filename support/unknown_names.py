"""Error messages for names that do not exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from support.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60  # characters of a name that are compared


def unknown(name: str, names: Iterable[str]) -> str:
    """Say that a name is unknown, which one may have been meant, and which ones exist."""
    known = list(names)
    near = get_close_matches(name[:_LONGEST], known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{shown(name)} is unknown{hint}; there are {', '.join(known)}"
