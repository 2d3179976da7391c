from __future__ import annotations

import pytest

from engine.reading.comparison_anatomy import shown_anatomy
from engine.reading.parse import parse
from engine.reading.query import make_query


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("CT angio brain", "Computed tomography angiography of intracranial artery (procedure)"),
        ("IR leg angiogram", "Fluoroscopic angiography of artery of lower limb (procedure)"),
        ("Venogram arm", "Fluoroscopic venography of upper limb (procedure)"),
        ("IR liver embolisation", "Percutaneous embolization of hepatic artery (procedure)"),
        ("MRI lower leg", "Magnetic resonance imaging of tibia and fibula (procedure)"),
        ("XR forearm", "Plain X-ray of radius and ulna (procedure)"),
    ],
)
def test_names_of_one_examination_show_the_same_anatomy(name: str, same: str) -> None:
    assert shown_anatomy(parse(name)) == shown_anatomy(parse(same))


def test_outside_a_vascular_study_a_part_stays_itself() -> None:
    assert shown_anatomy(parse("CT head")) == {"head"}
    assert shown_anatomy(parse("XR tibia")) == {"tibia"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("IR nephrostomy left", True), ("IR sinogram", False), ("US biopsy liver", False)],
)
def test_ir_before_a_procedure_may_be_the_department(name: str, *, expected: bool) -> None:
    assert make_query(name).is_department is expected
