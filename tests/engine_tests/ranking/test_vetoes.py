from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.ranking.vetoes import vetoed, vetoes
from engine.reading.query import make_query

if TYPE_CHECKING:
    from engine.catalogue.index import CatalogueIndex


@pytest.mark.parametrize(
    ("veto", "exam_name", "modality_code", "row", "removed"),
    [
        ("side", "XR Knee left", "", "XR Knee Rt", True),
        ("side", "XR Knee R", "", "XR Knee Lt", True),
        ("side", "XR Knee left", "", "XR Knee Lt", False),
        ("side", "XR Knee left", "", "XR Knee Both", False),
        ("side", "XR Knee", "", "XR Knee Rt", False),
        ("side", "XR Chest left", "", "XR Chest", False),
        ("contrast", "CT Head with contrast", "", "CT Head without contrast", True),
        ("contrast", "CT Head without contrast", "", "CT Head with contrast", True),
        ("contrast", "CT Head with contrast", "", "CT Head", False),
        ("contrast", "CT Head with contrast", "", "CT Head pre and post contrast", False),
        ("contrast", "CT Head", "", "CT Head with contrast", False),
        ("modality", "CT Head", "", "MRI Head", True),
        ("modality", "Head", "CT", "MRI Head", True),
        ("modality", "Head", "", "MRI Head", False),
        ("modality", "CT Head", "MR", "CT Head", False),
        ("modality", "CT Head", "MR", "MRI Head", True),
        ("interventional", "US Liver", "", "US guided biopsy liver", True),
        ("interventional", "Liver", "US", "US guided biopsy liver", True),
        ("interventional", "US Liver biopsy", "", "US guided biopsy liver", False),
        ("interventional", "Liver", "", "US guided biopsy liver", False),
        ("interventional", "US Liver", "", "US guided drainage liver", False),  # no flag
        ("interventional", "MRI arthrogram knee left", "", "MRI Arthrogram knee Lt", False),
        ("interventional", "MRI knee left", "", "MRI Arthrogram knee Lt", True),
    ],
)
def test_vetoes(
    veto: str, exam_name: str, modality_code: str, row: str, removed: bool, index: CatalogueIndex
) -> None:
    position = [entry.preferred_name for entry in index.rows].index(row)
    query = make_query(exam_name, modality_code)
    assert vetoes(query, index)[veto][position] == removed
    assert not removed or vetoed(query, index)[position]
