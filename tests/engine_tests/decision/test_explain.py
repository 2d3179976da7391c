from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.lookup import LookupEngine

if TYPE_CHECKING:
    from engine.catalogue.index import CatalogueIndex
    from objectives.configuration import Configuration


@pytest.fixture
def engine(index: CatalogueIndex, config: Configuration) -> LookupEngine:
    return LookupEngine(index, config.judgement, config.retriever_top_k)


@pytest.mark.parametrize("exam_name", ["XR KNEE LT WB", "CT head C+", "US liver biopsy", "zzz"])
def test_what_features_add_is_the_score(exam_name: str, engine: LookupEngine) -> None:
    answer = engine.lookup(exam_name)
    explanation = engine.explain(answer, 3)
    for parts, score in zip(explanation.contributions, answer.ranking.scores, strict=True):
        assert sum(parts.values()) == float(score)


def test_words_and_vetoes_are_named(engine: LookupEngine) -> None:
    answer = engine.lookup("XR KNEE LT")
    explanation = engine.explain(answer, 10)
    assert ("LT", "laterality", "left") in explanation.readings
    reasons = {rival.row.preferred_name: rival.reasons for rival in explanation.vetoed}
    assert reasons["XR Knee Rt"] == ("side",)
    assert "modality" in reasons["MRI Knee Lt"]
    ranked = {row.preferred_name for row in (answer.row, answer.runner_up) if row}
    assert not ranked & reasons.keys()
