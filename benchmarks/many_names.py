"""Any number of distinct exam names: the shipped ones, rewritten from a seed."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

_SUFFIXES = ("", "", " (NO REPORT)", " PORT", " protocol", " follow up", " urgent", " *", " -")
_WARDS = ("", "", "A&E ", "ED ", "ITU ", "OPD ", "WD", "GP ", "THEATRE ", "FRACT CLINIC ")
_CASES = (str, str.upper, str.lower, str.title)
_BLANKS = (" ", " ", "  ", " - ", "_")
_LARGEST_NUMBER = 999


def write_names(
    path: Path, records: Sequence[dict[str, Any]], n_names: int, seed: int = 0
) -> None:
    """Write a training file of `n_names` records like those given, no two with the same name."""
    named = [r for r in records if str(r.get("EXAM_NAME") or "").strip()]
    chosen = itertools.islice(_rewritten(named, random.Random(seed)), n_names)  # noqa: S311
    path.write_text(json.dumps(list(chosen)), encoding="utf-8")


def _rewritten(
    records: Sequence[dict[str, object]], rng: random.Random
) -> Iterator[dict[str, object]]:
    """Yield the records over and over, in turn from every part, under names not seen yet."""
    order = list(records)
    rng.shuffle(order)
    seen: set[str] = set()
    for record in itertools.cycle(order):
        name = str(record["EXAM_NAME"])
        while name in seen:
            name = _rewrite(str(record["EXAM_NAME"]), rng)
        seen.add(name)
        yield {**record, "EXAM_NAME": name}


def _rewrite(name: str, rng: random.Random) -> str:
    words = rng.choice(_CASES)(name).split(" ")
    number = f" {rng.randint(1, _LARGEST_NUMBER)}" if rng.random() < 0.5 else ""  # noqa: PLR2004
    text = rng.choice(_BLANKS).join(words)
    return f"{rng.choice(_WARDS)}{text}{rng.choice(_SUFFIXES)}{number}"
