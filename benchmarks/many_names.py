"""Any number of cases with distinct names: drawn by the generator, rewritten from a seed."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import TYPE_CHECKING

from data.generator.cases import build_training_files
from data.generator.catalogue import DEFAULT_SEED, build_catalogue
from objectives.configuration import load_configuration, site_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BLOCK = 15_000  # cases
N_NAMES_EACH = 10
_CASES = (str, str.upper, str.lower, str.title)
_BLANKS = (" ", " ", "  ", " - ", "_")
_LARGEST_NUMBER = 9_999
_N_UNHEEDED = 12  # tries of a name without a number


def write_cases(path: Path, n_cases: int, seed: int = 0) -> None:
    """Write a file (JSON Lines) of cases of the open sites, no two with the same name.

    Blocks of 15,000 are made alike, so that files of one and of many blocks have about the same
    share of names that say something new: 1,500 cases of the generator, drawn from other seeds
    than the shipped ones, each under ten names.
    """
    rng = random.Random(seed)  # noqa: S311 - no cryptography
    seen: set[str] = set()
    drawn = _drawn(seed)
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, n_cases, BLOCK):
            records = list(itertools.islice(drawn, BLOCK // N_NAMES_EACH))
            block = itertools.islice(_rewritten(records, rng, seen), min(BLOCK, n_cases - start))
            file.writelines(json.dumps(record) + "\n" for record in block)


def _drawn(seed: int) -> Iterator[dict[str, str | None]]:
    """Draw cases of the open sites, mixed, without an end, no name twice."""
    rows = build_catalogue(DEFAULT_SEED)
    closed = load_configuration().split.test
    known: set[str] = set()  # names, capitals and blanks apart
    for number in itertools.count(1):
        files = build_training_files(rows, DEFAULT_SEED + seed + number)
        records = [
            record
            for records in files.values()
            for record in records
            if site_key(record["DATA_SOURCE"] or "") not in closed and record["EXAM_NAME"]
        ]
        random.Random(number).shuffle(records)  # noqa: S311 - no cryptography
        for record in records:
            name = re.sub(r"[\s_-]", "", str(record["EXAM_NAME"]).lower())
            if name not in known:
                known.add(name)
                yield record


def _rewritten(
    records: Sequence[dict[str, str | None]], rng: random.Random, seen: set[str]
) -> Iterator[dict[str, str | None]]:
    """Yield the records over and over, under names not seen yet."""
    for record in itertools.cycle(records):
        name = str(record["EXAM_NAME"])
        for n_tries in itertools.count():
            if name not in seen:
                break
            name = _rewrite(str(record["EXAM_NAME"]), rng, n_tries)
        seen.add(name)
        yield {**record, "EXAM_NAME": name}


def _rewrite(name: str, rng: random.Random, n_tries: int) -> str:
    """Write a name otherwise: in most ways that a reader would not heed, else with a number."""
    text = rng.choice(_BLANKS).join(rng.choice(_CASES)(name).split(" "))
    return text if n_tries < _N_UNHEEDED else f"{text} {rng.randint(1, _LARGEST_NUMBER)}"
