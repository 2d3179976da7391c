"""The training records as they stand in the files, those of the test sites left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives.cases.cases import dataset_files
from objectives.configuration import site_key
from support.files import read_json_records

if TYPE_CHECKING:
    from typing import Any

    from objectives.configuration import Configuration


def open_records(config: Configuration) -> list[dict[str, Any]]:
    """Read the records of every training file whose site is no test site, in order."""
    records = [
        record
        for path in dataset_files(config.data.training_dir)
        for record in read_json_records(path)
        if isinstance(record, dict)
    ]
    return [r for r in records if site_key(r["DATA_SOURCE"]) not in config.split.test]
