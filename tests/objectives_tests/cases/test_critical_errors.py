from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine.catalogue.row_slots import row_slots
from objectives.cases.critical_errors import CRITICAL_KINDS, RowTruth
from support.errors import InputFileError
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: dict[str, Any] = {
    "modality": "CT",
    "laterality": "none",
    "contrast": "none",
    "interventional": False,
}
TRUTHS = {
    "plain": PLAIN,
    "left": PLAIN | {"laterality": "left"},
    "right": PLAIN | {"laterality": "right"},
    "both": PLAIN | {"laterality": "bilateral"},
    "mr": PLAIN | {"modality": "MR"},
    "with": PLAIN | {"contrast": "with"},
    "both contrasts": PLAIN | {"contrast": "with_and_without"},
    "without": PLAIN | {"contrast": "without"},
    "needle": PLAIN | {"interventional": True},
    "child": PLAIN | {"context": ["paediatric"]},
    "newborn": PLAIN | {"context": ["neonatal"]},
    "obstetric": PLAIN | {"context": ["obstetric", "dating"]},
    "female": PLAIN | {"context": ["female"]},
    "male": PLAIN | {"context": ["male"]},
}


@pytest.fixture
def truth(tmp_path: Path) -> RowTruth:
    path = tmp_path / "slots.json"
    path.write_text(json.dumps(TRUTHS))
    (row,) = make_rows(("CT Head|N",))
    rows = [row._replace(preferred_name=name) for name in TRUTHS]
    return RowTruth(rows, [row_slots(r) for r in rows], path)


@pytest.mark.parametrize(
    ("gold", "answer", "kinds"),
    [
        ("left", "left", set()),
        ("left", "right", {"side"}),
        ("left", "both", {"side"}),
        ("plain", "left", {"side"}),  # a side that nobody stated
        ("left", "plain", set()),  # vague, not wrong
        ("plain", "mr", {"modality"}),
        ("plain", "with", {"contrast"}),
        ("with", "plain", {"contrast"}),
        ("with", "both contrasts", set()),
        ("plain", "without", set()),
        ("plain", "needle", {"interventional"}),
        ("needle", "plain", set()),
        ("plain", "child", {"age"}),
        ("child", "plain", set()),
        ("newborn", "child", set()),
        ("child", "newborn", {"age"}),
        ("plain", "obstetric", {"pregnancy"}),
        ("obstetric", "obstetric", set()),
        ("male", "female", {"sex"}),
    ],
)
def test_what_counts_as_dangerous(
    gold: str, answer: str, kinds: set[str], truth: RowTruth
) -> None:
    names = list(TRUTHS)
    flags = truth.critical(np.array(names.index(gold)), np.array(names.index(answer)))
    assert {k for k, flag in zip(CRITICAL_KINDS, flags, strict=True) if flag} == kinds


def test_without_a_file_the_parser_speaks_and_the_source_says_so(tmp_path: Path) -> None:
    rows = make_rows()
    truth = RowTruth(rows, [row_slots(row) for row in rows], tmp_path / "none.json")
    assert truth.source == "parser"
    names = [row.preferred_name for row in rows]
    left, right = names.index("XR Knee Lt"), names.index("XR Knee Rt")
    assert truth.critical(np.array(left), np.array(right))[0]
    assert truth.critical(np.array(left), np.array(right)).sum() == 1


def test_a_file_of_another_catalogue_with_some_names_in_common_is_not_believed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "slots.json"
    path.write_text(json.dumps({"CT Head": PLAIN | {"modality": "MR"}}))
    rows = make_rows()
    truth = RowTruth(rows, [row_slots(row) for row in rows], path)
    assert truth.source == "parser"
    assert truth.modality_of("CT Head") == "CT"


@pytest.mark.parametrize(
    "wrong",
    [
        {"modality": "Moon"},
        {"modality": ["CT"]},
        {"laterality": None},
        {"contrast": {}},
        {"context": "paediatric"},
        {"context": [1]},
        {"interventional": "false"},  # which is true
        {"interventional": None},
    ],
)
def test_a_malformed_file_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "slots.json"
    path.write_text(json.dumps({"CT Head": PLAIN | wrong}))
    rows = make_rows()
    with pytest.raises(InputFileError, match="CT Head"):
        RowTruth(rows, [row_slots(row) for row in rows], path)
