from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from objectives.workspace import Workspace
from studies.datasets import load_sanity
from support.errors import InputFileError

if TYPE_CHECKING:
    from pathlib import Path

    from objectives.configuration import Configuration


def test_a_sanity_set_without_a_gold_row_is_refused(config: Configuration, tmp_path: Path) -> None:
    path = tmp_path / "sanity.json"
    record = {"DATA_SOURCE": "S", "MODALITY_CODE": "CT", "EXAM_CODE": "", "EXAM_NAME": "CT"}
    path.write_text(json.dumps([record | {"EXPECTED_NAME": None}]), encoding="utf-8")
    other = config.model_copy(update={"data": config.data.model_copy(update={"sanity": path})})
    with pytest.raises(InputFileError, match="no case has a gold row"):
        load_sanity(other, Workspace(other))
