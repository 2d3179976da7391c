from __future__ import annotations

import pytest

from engine.reading.modality_codes import modalities_of_code
from engine.reading.slots import Modality


@pytest.mark.parametrize("code", ["CR", "DX", "DR", "XR", "X", "PX", "IO", " cr "])
def test_plain_film_codes(code: str) -> None:
    assert modalities_of_code(code) == {Modality.XR}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("CT", {Modality.CT}),
        ("MR", {Modality.MR}),
        ("US", {Modality.US}),
        ("NM", {Modality.NM}),
        ("PT", {Modality.PET}),
        ("PT\\CT", {Modality.PET}),
        ("MG", {Modality.MG}),
        ("BMD", {Modality.DXA}),
        ("XA", {Modality.IR, Modality.FL}),
        ("CT/SR", {Modality.CT}),
    ],
)
def test_codes(code: str, expected: set[Modality]) -> None:
    assert modalities_of_code(code) == expected


def test_fluoroscopy_codes_say_fluoroscopy() -> None:
    assert Modality.FL in modalities_of_code("RF")


@pytest.mark.parametrize("code", ["", "  ", "OT", "ZZ", "?", "12"])
def test_what_says_nothing(code: str) -> None:
    assert modalities_of_code(code) == frozenset()
