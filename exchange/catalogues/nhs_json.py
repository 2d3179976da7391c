"""Load a catalogue of imaging procedures in the shape of the NHS file ``NHS.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.catalogue.rows import CatalogueRow
from support.errors import InputFileError, shown
from support.files import read_json_records

if TYPE_CHECKING:
    from pathlib import Path

_FIELDS = (
    "snomed_concept_id",
    "snomed_fsn",
    "snomed_laterality_concept_id",
    "snomed_laterality_fsn",
    "is_diagnostic",
    "is_interventional",
    "primary_source_name",
)
_FLAGS = {"Y": True, "N": False, "": None}


def load_catalogue(path: Path) -> tuple[CatalogueRow, ...]:
    """Load every row of a catalogue file.

    Numbers as ids become strings; an empty or missing side, name or flag means unstated. A row
    needs a concept id and at least one of preferred name and FSN (one stands in for the other).
    Rows that are equal in every field are one row; several names may share one key.

    Raises
    ------
    InputFileError
        Names the file, the position of the row (from 1) and the field that is wrong.
    """
    rows = (
        _row(record, f"{path}: row {position}")
        for position, record in enumerate(read_json_records(path), start=1)
    )
    return tuple(dict.fromkeys(rows))


def _row(record: object, where: str) -> CatalogueRow:
    if not isinstance(record, dict):
        raise InputFileError(f"{where}: an object is expected")
    missing = [name for name in ("snomed_concept_id", "primary_source_name") if name not in record]
    if missing:
        raise InputFileError(f"{where}: the key {missing[0]!r} is missing")
    text = {name: _text(record.get(name), where, name) for name in _FIELDS}
    if not text["snomed_concept_id"]:
        raise InputFileError(f"{where}, snomed_concept_id: is empty; every row needs a code")
    name = text["primary_source_name"] or text["snomed_fsn"]
    if not name:
        raise InputFileError(f"{where}, primary_source_name: is empty and there is no FSN either")
    return CatalogueRow(
        concept_id=text["snomed_concept_id"],
        fsn=text["snomed_fsn"] or name,
        laterality_concept_id=text["snomed_laterality_concept_id"],
        laterality_fsn=text["snomed_laterality_fsn"],
        is_diagnostic=_flag(text["is_diagnostic"], where, "is_diagnostic"),
        is_interventional=_flag(text["is_interventional"], where, "is_interventional"),
        preferred_name=name,
    )


def _text(value: object, where: str, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputFileError(
            f"{where}, {name}: text or a whole number is expected, found {shown(value):.60}"
        )
    text = str(value).strip()
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputFileError(f"{where}, {name}: holds half a character (a lone surrogate)")
    return text


def _flag(value: str, where: str, name: str) -> bool | None:
    flag = value.upper()
    if flag not in _FLAGS:
        raise InputFileError(
            f"{where}, {name}: 'Y', 'N' or empty is expected, found {value!r:.60}"
        )
    return _FLAGS[flag]
