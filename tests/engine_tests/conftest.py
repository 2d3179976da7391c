"""A small catalogue of made-up rows, indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.catalogue.index import CatalogueIndex
from engine.catalogue.rows import CatalogueRow

if TYPE_CHECKING:
    from objectives.configuration import Configuration

SIDES = {"Lt": "Left (qualifier value)", "Rt": "Right (qualifier value)", "Both": "Right and left"}
FLAGS = {"Y": True, "N": False, "": None}

NAMES = (
    "CT Head|N",
    "CT Head with contrast|N",
    "CT Head without contrast|N",
    "CT Head pre and post contrast|N",
    "CT Abdomen and pelvis|N",
    "CT Abdomen|N",
    "CT guided biopsy liver|Y",
    "MRI Head|N",
    "MRI Knee Lt|N",
    "MRI Knee Rt|N",
    "MRI Arthrogram knee Lt|Y",
    "XR Knee Lt|N",
    "XR Knee Rt|N",
    "XR Knee Both|N",
    "XR Knee weight bearing Lt|N",
    "XR Chest|N",
    "US Liver|N",
    "US guided biopsy liver|Y",
    "US guided drainage liver|",
    "Pc embolisation renal artery Lt|Y",
)
PATIENT_NAMES = (
    "XR Chest|N",
    "XR Chest paediatric|N",
    "XR Chest neonatal|N",
    "US Pelvis|N",
    "US Obstetric|N",
    "MG Mammogram male|N",
)


def make_rows(names: tuple[str, ...] = NAMES) -> list[CatalogueRow]:
    rows = []
    for number, entry in enumerate(names):
        name, flag = entry.split("|")
        side = name.split()[-1] if name.split()[-1] in SIDES else ""
        rows.append(
            CatalogueRow(
                concept_id=f"LOCAL-{number:06d}",
                fsn=f"{name.removesuffix(side).strip()} (procedure)",
                laterality_concept_id=f"LOCAL-SIDE-{side}" if side else "",
                laterality_fsn=SIDES.get(side, ""),
                is_diagnostic=None,
                is_interventional=FLAGS[flag],
                preferred_name=name,
            )
        )
    return rows


@pytest.fixture(scope="session")
def index(config: Configuration) -> CatalogueIndex:
    return CatalogueIndex(make_rows(), config.retrieval)
