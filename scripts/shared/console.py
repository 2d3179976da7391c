"""What every verb shares: options, JSON and errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from objectives.configuration import load_with_note
from support.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from objectives.cases.cases import BadRecord
    from objectives.configuration import Configuration, LoadedConfiguration

_SHOWN_BAD_RECORDS = 5

ConfigOption = Annotated[
    Path, typer.Option("--config", help="Configuration file.", show_default="config.yaml")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
]
DatasetOption = Annotated[
    list[Path] | None,
    typer.Option("--dataset", help="Training file; may be repeated. [default: every file]"),
]
DatasetDirOption = Annotated[
    Path | None,
    typer.Option(help="Folder of training files. [default: data.training_dir of the config]"),
]


def as_document(value: object) -> object:
    """Turn named tuples, models, paths and enumerations into what JSON can write."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return as_document(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): as_document(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [as_document(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(json.dumps(as_document(document), ensure_ascii=False) + "\n")


def warn(line: str) -> None:
    """Print a line for the user that is no part of the output, identifiers masked."""
    sys.stderr.write(mask(line) + "\n")


def load_and_warn(path: Path) -> Configuration:
    """Read a configuration; say which keys it leaves to the defaults."""
    loaded = load_with_note(path)
    warn_of_defaults(loaded)
    return loaded.configuration


def warn_of_defaults(loaded: LoadedConfiguration) -> None:
    """Say which keys a configuration leaves to the defaults, if any."""
    if loaded.note:
        # not masked again: a default such as 1000000 looks like an accession number
        sys.stderr.write(f"{loaded.note}\n")


def warn_bad_records(bad_records: Sequence[BadRecord]) -> None:
    """Say which records were left out, the first few by position."""
    for record in bad_records[:_SHOWN_BAD_RECORDS]:
        warn(f"left out: {record}")
    if len(bad_records) > _SHOWN_BAD_RECORDS:
        warn(f"left out: {len(bad_records) - _SHOWN_BAD_RECORDS} more records")
