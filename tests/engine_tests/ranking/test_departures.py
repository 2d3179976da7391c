from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.catalogue.index import CatalogueIndex
from engine.ranking.departures import Departure
from engine.ranking.features import slot_facts
from engine.reading.query import make_query
from tests.engine_tests.conftest import NAMES, PATIENT_NAMES, make_rows

if TYPE_CHECKING:
    from objectives.configuration import Configuration


@pytest.fixture(scope="module")
def index(config: Configuration) -> CatalogueIndex:
    names = tuple(dict.fromkeys((*NAMES, *PATIENT_NAMES)))
    return CatalogueIndex(make_rows(names), config.retrieval)


@pytest.mark.parametrize(
    ("exam_name", "modality_code", "row", "departs"),
    [
        ("XR knee left", "", "XR Knee Lt", Departure(0)),
        ("XR knee", "", "XR Knee Lt", Departure.SIDE),
        ("XR knee left", "", "XR Knee Both", Departure.SIDE),
        ("XR chest left", "", "XR Chest", Departure(0)),
        ("CT head", "", "CT Head with contrast", Departure.CONTRAST),
        ("CT head with contrast", "", "CT Head", Departure.CONTRAST),
        ("CT head with contrast", "", "CT Head pre and post contrast", Departure.CONTRAST),
        ("CT head", "", "CT Head without contrast", Departure(0)),
        ("CT head wi", "", "CT Head with contrast", Departure.CONTRAST),
        ("CT head with", "", "CT Head", Departure.CONTRAST),
        ("CT head W", "", "CT Head with contrast", Departure(0)),
        ("CT head with contrast", "", "CT Head with contrast", Departure(0)),
        ("head", "", "CT Head", Departure.MODALITY),
        ("head", "CT", "CT Head", Departure(0)),
        ("MRI head", "CT", "MRI Head", Departure.MODALITY),
        ("knee", "", "XR Knee Lt", Departure.SIDE | Departure.MODALITY),
        ("XR chest", "", "XR Chest paediatric", Departure.AGE),
        ("XR chest child", "", "XR Chest paediatric", Departure(0)),
        ("XR chest child", "", "XR Chest neonatal", Departure.AGE),
        ("XR chest newborn", "", "XR Chest paediatric", Departure(0)),
        ("XR chest child", "", "XR Chest", Departure(0)),
        ("US pelvis", "", "US Obstetric", Departure.PREGNANCY | Departure.BODY_PART),
        ("MRI knee", "", "MRI Head", Departure.BODY_PART),
        ("US liver", "", "US Liver", Departure(0)),
        ("CT pelvis", "", "CT Abdomen and pelvis", Departure(0)),
        ("US pregnancy", "", "US Obstetric", Departure(0)),
        ("MG mammogram", "", "MG Mammogram male", Departure.SEX),
    ],
)
def test_what_departs(
    exam_name: str, modality_code: str, row: str, departs: Departure, index: CatalogueIndex
) -> None:
    position = [entry.preferred_name for entry in index.rows].index(row)
    query = make_query(exam_name, modality_code)
    (found,) = slot_facts(query, index, np.array([position])).departs
    assert Departure(int(found)) == departs
