from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from objectives.name_files import read_names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.jsonl", '{"exam_name": "CT \\ud800 head"}\n'),
        ("names.json", '[{"exam_name": "CT \\ud800 head"}]'),
    ],
)
def test_half_a_character_becomes_one_that_can_be_written(
    name: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    (record,) = read_names(path)
    assert record.exam_name == "CT ? head"
    assert record.fields == {"exam_name": "CT ? head"}
