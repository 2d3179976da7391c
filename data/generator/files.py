"""Write the generated files: atomically, and the same bytes on every platform."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.generator.catalogue import CatalogueRow


def catalogue_records(rows: Sequence[CatalogueRow]) -> list[dict[str, str]]:
    """Shape the rows as data/reference/NHS.json has them."""
    return [
        {
            "snomed_concept_id": row.concept_id,
            "snomed_fsn": row.fsn,
            "snomed_laterality_concept_id": row.laterality_concept_id,
            "snomed_laterality_fsn": row.laterality_fsn,
            "is_diagnostic": "Y" if row.is_diagnostic else "N",
            "is_interventional": "Y" if row.is_interventional else "N",
            "primary_source_name": row.preferred_name,
        }
        for row in rows
    ]


def slot_records(rows: Sequence[CatalogueRow]) -> dict[str, dict[str, object]]:
    """Shape the slots as data/reference/slots.json has them: by preferred name."""
    return {row.preferred_name: row.slots._asdict() for row in rows}


def write_json(path: Path, content: object) -> None:
    """Write a JSON file with one space of indent, UTF-8, ending in a line feed."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, then put it in place: never a half-written file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(text.encode("utf-8"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def checksum_lines(paths: Iterable[Path], root: Path) -> str:
    """List SHA-256 sums in the format of ``sha256sum -c``, paths relative to `root`."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in sorted(paths)
    )
