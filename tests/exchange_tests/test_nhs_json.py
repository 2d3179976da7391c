from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from exchange.catalogues.nhs_json import load_catalogue
from support.errors import InputFileError

if TYPE_CHECKING:
    from pathlib import Path

# the shape of the real NHS.json: ids as numbers, "" where there is no side
ROW: dict[str, Any] = {
    "snomed_concept_id": 987654321012,
    "snomed_fsn": "Imaging of made-up part (procedure)",
    "snomed_laterality_concept_id": 123,
    "snomed_laterality_fsn": "Left (qualifier value)",
    "is_diagnostic": "Y",
    "is_interventional": "N",
    "primary_source_name": "XR Made-up part Lt",
}
BARE = {"snomed_laterality_concept_id": "", "snomed_laterality_fsn": "", "is_interventional": ""}


def write(folder: Path, document: object) -> Path:
    path = folder / "NHS.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_real_shape_loads_unchanged(tmp_path: Path) -> None:
    bare = ROW | BARE | {"primary_source_name": "XR Made-up part"}
    sided, plain = load_catalogue(write(tmp_path, [ROW, bare]))
    assert sided.key == ("987654321012", "123")
    assert (sided.is_diagnostic, sided.is_interventional) == (True, False)
    assert plain.key == ("987654321012", "")
    assert plain.is_interventional is None


def test_two_names_may_share_a_key_and_equal_rows_are_one(tmp_path: Path) -> None:
    other = ROW | {"primary_source_name": "XR Another name Lt"}
    assert len(load_catalogue(write(tmp_path, [ROW, other, ROW]))) == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("text", "row 2: an object is expected"),
        (
            {k: v for k, v in ROW.items() if k != "snomed_concept_id"},
            "'snomed_concept_id' is miss",
        ),
        ({k: v for k, v in ROW.items() if k != "primary_source_name"}, "'primary_source_name' is"),
        (ROW | {"snomed_concept_id": ""}, "row 2, snomed_concept_id: is empty"),
        (ROW | {"primary_source_name": "", "snomed_fsn": ""}, "row 2, primary_source_name: is"),
        (ROW | {"is_interventional": "maybe"}, "row 2, is_interventional: 'Y', 'N' or empty"),
        (ROW | {"snomed_fsn": 1.5}, "row 2, snomed_fsn: text or a whole number"),
        (ROW | {"snomed_fsn": ["x"]}, "row 2, snomed_fsn: text or a whole number"),
        (ROW | {"primary_source_name": "CT \ud800"}, "row 2, primary_source_name: holds half a"),
    ],
)
def test_a_wrong_row_is_named_with_its_field(row: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"NHS\.json") as caught:
        load_catalogue(write(tmp_path, [ROW, row]))
    assert said in str(caught.value)
