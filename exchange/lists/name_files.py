"""Read exam names from CSV, JSON or JSON Lines, one record at a time, whatever its encoding."""

from __future__ import annotations

import codecs
import csv
import itertools
from typing import TYPE_CHECKING, NamedTuple

from exchange.lists.json_stream import each_element, parse_json
from support.errors import InputFileError, shown
from support.files import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

NAME_COLUMNS = ("exam_name", "study_description", "exam", "name", "description")
MODALITY_COLUMNS = ("modality_code", "modality")
_BLOCK = 1 << 20  # bytes
_SNIFFED = 1 << 14  # characters
_LONGEST_FIELD = 1 << 30  # characters


class NameRecord(NamedTuple):
    """One record of an input file.

    Attributes
    ----------
    fields : dict
        Every column of the input as text, in its order.
    exam_name, modality_code : str
        Empty where the record has none.
    """

    fields: dict[str, str]
    exam_name: str
    modality_code: str


def read_names(path: Path) -> Iterator[NameRecord]:
    """Yield the records of a file in order; memory does not grow with the file.

    The format follows the ending: ``.json`` (a list of objects), ``.jsonl`` or ``.ndjson`` (an
    object a line), anything else is CSV with a header line. The name column is one of `exam_name`,
    `study_description`, `exam`, `name`, `description`, the modality column one of `modality_code`,
    `modality`, in any letter case.

    Raises
    ------
    InputFileError
        When the file is missing, empty or malformed, or has no name column.
    """
    ending = path.suffix.lower()
    readers = {".json": _read_json, ".jsonl": _read_json_lines, ".ndjson": _read_json_lines}
    records = readers.get(ending, _read_csv)(path)
    try:
        with readable(path):
            first = next(records, None)
            if first is None:
                raise InputFileError(f"{path}: holds no record")
            if _column(first, NAME_COLUMNS) is None:
                raise InputFileError(
                    f"{path}: no column with exam names; name it {NAME_COLUMNS[0]} "
                    f"(or {', '.join(NAME_COLUMNS[1:])})"
                )
            for fields in itertools.chain([first], records):
                yield NameRecord(
                    fields,
                    fields.get(_column(fields, NAME_COLUMNS) or "", "").strip(),
                    fields.get(_column(fields, MODALITY_COLUMNS) or "", "").strip(),
                )
    except UnicodeDecodeError as error:
        raise InputFileError(
            f"{path}: not valid {error.encoding} text; save it as UTF-8"
        ) from None


def _column(fields: dict[str, str], names: Sequence[str]) -> str | None:
    """Return the column of a record that has one of these names, the first name first."""
    lower = {column.strip().lower(): column for column in fields}
    return next((lower[name] for name in names if name in lower), None)


def _read_csv(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(_LONGEST_FIELD)
    with _open_text(path) as file:
        header = file.read(_SNIFFED).splitlines()[:1]
        file.seek(0)
        delimiter = max(",;\t|", key=(header or [""])[0].count)
        rows = csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter)
        try:
            columns = next(rows, [])
            for row in rows:
                if not row:
                    continue
                cells = row + [""] * (len(columns) - len(row))
                fields = dict(zip(columns, cells, strict=False))
                if len(cells) > len(columns):
                    fields["extra_cells"] = delimiter.join(cells[len(columns) :])
                yield fields
        except csv.Error as error:
            raise InputFileError(
                f"{path}: line {rows.line_num}: not valid CSV ({error})"
            ) from None


def _read_json_lines(path: Path) -> Iterator[dict[str, str]]:
    with _open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                document = parse_json(line)
            except ValueError as error:
                raise InputFileError(f"{path}: line {number}: not valid JSON ({error})") from None
            yield _fields(document, f"{path}: line {number}")


def _read_json(path: Path) -> Iterator[dict[str, str]]:
    number = 0
    with _open_text(path) as file:
        try:
            for number, document in enumerate(each_element(file), start=1):
                yield _fields(document, f"{path}: record {number}")
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            raise InputFileError(
                f"{path}: not a valid JSON list, after {number} records ({error})"
            ) from None


def _fields(document: object, where: str) -> dict[str, str]:
    if not isinstance(document, dict):
        raise InputFileError(f"{where}: an object is expected")
    return {_text(key): "" if value is None else _text(value) for key, value in document.items()}


def _text(value: object) -> str:
    """Return a value as text that can be written: half a character becomes a question mark."""
    text = value if isinstance(value, str) else shown(value)
    return text.encode("utf-8", "replace").decode("utf-8")


def _open_text(path: Path) -> TextIO:
    return path.open(encoding=_encoding(path), newline="")


def _encoding(path: Path) -> str:
    """Tell a file's encoding: by its byte order mark, else UTF-8 if it is, else Windows-1252.

    Every byte is a character in Latin-1, which agrees with Windows-1252 on all letters; it stands
    in where the latter has no character.
    """
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        candidates = {
            name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "cp1252")
        }
        while block := file.read(_BLOCK):
            for name, decoder in list(candidates.items()):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    del candidates[name]
    return next(iter(candidates), "latin-1")
