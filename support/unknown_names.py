"""Error messages for names that do not exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from support.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60  # characters of a name that are compared


def nearest(name: str, names: Iterable[str], alike: float = 0.6) -> str | None:
    """Return the name that may have been meant; at least so much alike, in [0, 1]."""
    return next(iter(get_close_matches(name[:_LONGEST], list(names), n=1, cutoff=alike)), None)


def unknown(name: str, names: Iterable[str]) -> str:
    """Say that a name is unknown, which one may have been meant, and which ones exist."""
    known = list(names)
    near = nearest(name, known)
    hint = f" (did you mean {near!r}?)" if near else ""
    return f"{shown(name)} is unknown{hint}; there are {', '.join(known)}"
