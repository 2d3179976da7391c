from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.catalogue.row_slots import row_slots
from engine.decision.reasons import ambiguity_reasons
from engine.ranking.departures import Departure
from engine.reading.query import make_query
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("exam_name", "modality_code", "rows", "departs", "reasons"),
    [
        ("XR knee", "", ("XR Knee Lt", "XR Knee Rt"), Departure.SIDE, ["side not stated"]),
        (
            "XR knee left",
            "",
            ("XR Knee Both",),
            Departure.SIDE,
            ["side not as stated"],
        ),
        (
            "CT head",
            "",
            ("CT Head", "CT Head with contrast"),
            Departure(0),
            ["contrast not stated"],
        ),
        ("head", "", ("CT Head", "MRI Head"), Departure.MODALITY, ["modality not stated"]),
        (
            "MRI head",
            "CT",
            ("MRI Head",),
            Departure.MODALITY,
            ["name and MODALITY_CODE disagree"],
        ),
        ("CT head and neck", "", ("CT Head", "CT Neck"), Departure(0), ["two body parts"]),
        ("CT", "", ("CT Head", "CT Neck"), Departure(0), ["body part not stated"]),
        ("CT trunk", "", ("CT Abdomen", "CT Thorax"), Departure(0), ["body part not certain"]),
        (
            "US liver biopsy",
            "",
            ("US guided biopsy liver", "US guided drainage liver"),
            Departure(0),
            ["technique not certain"],
        ),
        ("XR chest", "", ("XR Chest paediatric",), Departure.AGE, ["age not stated"]),
        ("XR chest child", "", ("XR Chest neonatal",), Departure.AGE, ["age not as stated"]),
        ("MRI knee", "", ("MRI Head",), Departure.BODY_PART, ["body part not as stated"]),
        ("CT head zorble", "", ("CT Head",), Departure(0), ["words not understood"]),
        ("CT head", "", ("CT Head",), Departure(0), ["not certain enough"]),
    ],
)
def test_reasons(
    exam_name: str,
    modality_code: str,
    rows: Sequence[str],
    departs: Departure,
    reasons: list[str],
) -> None:
    offered = [row_slots(row) for row in make_rows(tuple(f"{row}|" for row in rows))]
    query = make_query(exam_name, modality_code)
    assert ambiguity_reasons(query, offered, departs, is_tie=False) == reasons
    assert ambiguity_reasons(query, offered, departs, is_tie=True)[-1].startswith("two rows fit")
