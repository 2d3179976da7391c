from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.catalogue.index import CatalogueIndex
from engine.decision.decide import Status
from engine.lookup import LookupEngine
from engine.ranking.features import slot_facts
from engine.reading.query import make_query
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from objectives.configuration import Configuration


@pytest.fixture(scope="session")
def engine(index: CatalogueIndex, config: Configuration) -> LookupEngine:
    return LookupEngine(index, config.judgement, config.retriever_top_k)


@pytest.mark.parametrize(
    ("exam_name", "modality_code", "answer"),
    [
        ("CT HEAD", "", "CT Head"),
        ("Brain", "CT", "CT Head"),
        ("CT brain C+", "", "CT Head with contrast"),
        ("CT head pre & post contrast", "", "CT Head pre and post contrast"),
        ("ct abdo/pelvis", "", "CT Abdomen and pelvis"),
        ("L knee", "CR", "XR Knee Lt"),
        ("Both knees xray", "", "XR Knee Both"),
        ("MR knee (R)", "", "MRI Knee Rt"),
        ("ultrasound liver biopsy", "US", "US guided biopsy liver"),
        ("CXR", "", "XR Chest"),
    ],
)
def test_the_row_that_says_what_the_name_says_and_no_more(
    exam_name: str, modality_code: str, answer: str, engine: LookupEngine
) -> None:
    found = engine.lookup(exam_name, modality_code)
    assert found.row is not None
    assert found.row.preferred_name == answer


@pytest.mark.parametrize("exam_name", ["Teaching session", "MDT meeting"])
def test_a_line_that_is_no_exam_gets_no_row(exam_name: str, engine: LookupEngine) -> None:
    found = engine.lookup(exam_name)
    assert found.status is Status.NON_CLINICAL
    assert found.row is None


def test_ties_go_to_fewer_additions_then_to_the_earlier_name(
    index: CatalogueIndex, config: Configuration
) -> None:
    engine = LookupEngine(index, config.judgement, config.retriever_top_k)
    ranking = engine.lookup("knee").ranking
    names = [index.rows[row].preferred_name for row in ranking.rows]
    tied = [
        name
        for name, score in zip(names, ranking.scores, strict=True)
        if score == ranking.scores[0]
    ]
    additions = slot_facts(make_query("knee"), index, np.arange(len(index))).additions
    order = [
        (additions[[r.preferred_name for r in index.rows].index(name)], name) for name in tied
    ]
    assert order == sorted(order)


def test_scores_are_not_clipped(index: CatalogueIndex, config: Configuration) -> None:
    engine = LookupEngine(index, config.judgement, config.retriever_top_k)
    assert engine.lookup("CT Head").ranking.scores[0] > 1.0


@pytest.mark.parametrize(
    ("names", "exam_name"),
    [
        (("XR Knee Lt|",), "XR elbow left"),
        (("XR Knee Lt|",), "XR left ankle"),
        (("XR Chest|", "CT Head|", "CT Thorax|", "MRI Head|", "US Abdomen|"), "MRI knee"),
        (("XR Chest|", "CT Head|", "CT Thorax|", "MRI Head|", "US Abdomen|"), "US left foot"),
        (("DXA Spine lumbar|", "CT Head|"), "DXA hip"),
    ],
)
def test_a_row_without_a_rival_is_no_answer_for_that(
    names: tuple[str, ...], exam_name: str, config: Configuration
) -> None:
    engine = LookupEngine(
        CatalogueIndex(make_rows(names), config.retrieval), config.judgement, top_k=25
    )
    answer = engine.lookup(exam_name)
    assert answer.status is not Status.MATCH
    assert answer.confidence < 0.5
