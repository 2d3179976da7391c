"""Load labelled exam names: the cases that a set of weights is judged by."""

from __future__ import annotations

import itertools
import math
from array import array
from collections import Counter
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, NamedTuple

from exchange.lists.json_records import ENDINGS, Record, is_lines, read_records
from objectives.configuration import resolve, site_key
from support.errors import InputFileError, shown
from support.hashing import sha256_of_file
from support.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_FIELDS = ("DATA_SOURCE", "MODALITY_CODE", "EXAM_CODE", "EXAM_NAME")
_GOLD = "EXPECTED_NAME"
_LEGACY_DIR = "Training"  # where the earlier system kept its files


class Case(NamedTuple):
    """One exam name with its gold row.

    Attributes
    ----------
    site : str
        DATA_SOURCE in capitals; empty when the record has none. Like modality code and gold it is
        one object, however many cases have it.
    modality_code, exam_code, exam_name : str
    gold : str or None
        Preferred name of the right row; None when no row is right, or none is known.
    has_gold : bool
        Whether it is known what is right (a gold row, or that there is none).
    """

    site: str
    modality_code: str
    exam_code: str
    exam_name: str
    gold: str | None
    has_gold: bool


class BadRecord(NamedTuple):
    """A record that cannot be used: where it stands (from 1) and why, identifiers masked."""

    file: str
    position: int
    reason: str
    unit: str = "record"  # what positions count; "line" in JSON Lines

    def __str__(self) -> str:
        """Return file, position and reason in one line."""
        return f"{self.file}: {self.where}: {self.reason}"

    @property
    def where(self) -> str:
        """Where the record stands in its file."""
        return f"{self.unit} {self.position}"


class CaseSet(NamedTuple):
    """The usable cases of some files.

    Attributes
    ----------
    cases : tuple of Case
        In the order of files and records.
    bad_records : tuple of BadRecord
    n_records : int
        Usable and unusable records.
    sha256 : dict
        File name to the hash of the whole file's bytes.
    held_back : dict
        Closed site to the number of its cases whose labels are withheld: they stand among
        `cases` as if their file had none.
    files, records : array of int
        Of every case: the number of its file in `sha256`, from 0, and its place in that file,
        from 1 (lines in JSON Lines).
    """

    cases: tuple[Case, ...]
    bad_records: tuple[BadRecord, ...]
    n_records: int
    sha256: dict[str, str]
    held_back: dict[str, int]
    files: array[int]
    records: array[int]


def load_cases(
    paths: Sequence[Path],
    gold_names: frozenset[str],
    limit: int | None = None,
    closed_sites: Collection[str] = (),
) -> CaseSet:
    """Load the cases of some files; `Workspace.load_cases` is what everyone else calls.

    Parameters
    ----------
    paths : sequence of Path
        JSON lists, and JSON Lines (``.jsonl``, ``.ndjson``) with a record a line.
    gold_names : frozenset of str
        Preferred names of the catalogue; a gold name that is not among them is a bad record.
    limit : int, optional
        Use only the first so many records.
    closed_sites : collection of str
        Sites whose labels are withheld, be they a row or that there is none.

    Raises
    ------
    InputFileError
        When a file is missing, malformed or empty, or no record of it can be used.
    """
    cases: list[Case] = []
    bad_records: list[BadRecord] = []
    sha256: dict[str, str] = {}
    held_back: Counter[str] = Counter()
    files, records = array("L"), array("L")
    n_records = 0
    for path in map(resolve_dataset, paths):
        n_before = len(cases), len(bad_records)
        left = None if limit is None else limit - n_records
        for record in itertools.islice(read_records(path), left):
            try:
                case = _case(record.document, gold_names)
            except ValueError as error:
                bad_records.append(_bad(record, path, error))
                continue
            if case.has_gold and case.site in closed_sites:
                held_back[case.site] += 1
                case = case._replace(gold=None, has_gold=False)
            cases.append(case)
            files.append(len(sha256))
            records.append(record.position)
        n_found, n_bad = len(cases) - n_before[0], len(bad_records) - n_before[1]
        if not n_found:
            first = bad_records[n_before[1]]
            raise InputFileError(f"{path}: no usable record; {first.where}: {first.reason}")
        n_records += n_found + n_bad
        sha256[_unused(path.name, sha256)] = sha256_of_file(path)
        if limit is not None and n_records >= limit:
            break
    by_site = dict(sorted(held_back.items()))
    return CaseSet(tuple(cases), tuple(bad_records), n_records, sha256, by_site, files, records)


def dataset_files(directory: Path) -> list[Path]:
    """List the JSON and JSON Lines files of a folder in the order of their numbers.

    ``v2`` comes before ``v10``.

    Raises
    ------
    InputFileError
        When the folder is missing or holds no such file.
    """
    folder = resolve(directory)
    if not folder.is_dir():
        raise InputFileError(f"{directory}: no such folder; give --dataset-dir or --dataset")
    files = [path for path in folder.iterdir() if path.suffix in ENDINGS]
    if not files:
        raise InputFileError(f"{directory}: the folder holds no {', '.join(ENDINGS)} file")
    return sorted(files, key=lambda path: (len(path.stem), path.name))


def resolve_dataset(path: Path) -> Path:
    """Find a data file; ``Training/NAME`` of the earlier layout means ``data/training/NAME``."""
    if not path.exists() and path.parts[:1] == (_LEGACY_DIR,):
        return resolve(Path("data", "training", *path.parts[1:]))
    return resolve(path)


def _unused(name: str, names: Collection[str]) -> str:
    """Tell files of the same name in different folders apart."""
    numbered = (f"{name} ({number})" for number in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if n not in names)


def _bad(record: Record, path: Path, error: ValueError) -> BadRecord:
    unit = "line" if is_lines(path) else "record"
    return BadRecord(str(path), record.position, mask(str(error)), unit)


def _case(record: object, gold_names: frozenset[str]) -> Case:
    """Read one record; raises ValueError with the reason why it cannot be used."""
    if isinstance(record, ValueError):
        raise record
    if not isinstance(record, dict):
        raise ValueError("an object is expected")
    fields = {str(key).upper(): value for key, value in record.items()}
    if "EXAM_NAME" not in fields:
        raise ValueError("the key EXAM_NAME is missing")
    text = {name: _text(fields.get(name), name) for name in _FIELDS}
    if not text["EXAM_NAME"]:
        raise ValueError("EXAM_NAME is blank")
    gold = _text(fields.get(_GOLD), _GOLD) or None
    if gold is not None and gold not in gold_names:
        raise ValueError(f"{_GOLD} {gold!r} is no preferred name of the catalogue")
    return Case(
        site=intern(site_key(text["DATA_SOURCE"])),
        modality_code=intern(text["MODALITY_CODE"]),
        exam_code=text["EXAM_CODE"],
        exam_name=text["EXAM_NAME"],
        gold=gold and intern(gold),
        has_gold=_GOLD in fields,
    )


def _text(value: object, name: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        found = mask(shown(value))  # before it is cut: half an identifier is not seen as one
        raise ValueError(f"{name} must be text, found {found:.40}")
    text = str(value).strip()
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"{name} holds half a character (a lone surrogate)")
    return text
