from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from engine.lookup import LookupEngine
from engine.ranking.weights import Feature

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


@pytest.mark.parametrize("exam_name", ["XR KNEE LT WB", "CT head C+ qqq", "US liver biopsy"])
def test_the_grounds_of_the_confidence_are_those_of_its_model(
    exam_name: str, engine: LookupEngine, config: Configuration
) -> None:
    answer = engine.lookup(exam_name)
    found = engine.explain(answer, 0).grounds
    best, second, *_ = answer.ranking.scores.tolist()
    usage = engine.explain(answer, 0).contributions[0].get(Feature.FREQUENCY, 0.0)
    assert found.score == pytest.approx(best - usage)
    assert found.lead == pytest.approx(best - second)
    assert found.additions == answer.ranking.features[0][Feature.UNSTATED_ADDITIONS]
    assert found.completeness == answer.query.completeness
    model = config.calibration.first[0]
    log_odds = (
        model.intercept
        + model.score * found.score
        + model.margin * math.sqrt(found.lead)
        + model.additions * found.additions
        + model.completeness * found.completeness
    )
    assert answer.confidence == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=1e-6)


def test_words_and_vetoes_are_named(engine: LookupEngine) -> None:
    answer = engine.lookup("XR KNEE LT")
    explanation = engine.explain(answer, 10)
    assert ("LT", "laterality", "left") in explanation.readings
    reasons = {rival.row.preferred_name: rival.reasons for rival in explanation.vetoed}
    assert reasons["XR Knee Rt"] == ("side",)
    assert "modality" in reasons["MRI Knee Lt"]
    ranked = {row.preferred_name for row in (answer.row, answer.runner_up) if row}
    assert not ranked & reasons.keys()
