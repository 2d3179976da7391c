from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli


def test_the_sanity_set_is_answered_well(cli: Cli) -> None:
    found = cli("validate", "--json").document
    assert found["n_cases"] == 100
    assert found["accuracy_at_1"] >= 0.90
    assert found["modality_extraction_accuracy"] >= 0.97
    assert found["preprocessing_consistency"] >= 0.80
    assert found["n_modality_names"] >= 60
    assert found["overall_validation_score"] == pytest.approx(
        0.7 * found["accuracy_at_1"]
        + 0.2 * found["modality_extraction_accuracy"]
        + 0.1 * found["preprocessing_consistency"]
    )
    assert found.keys() >= {"recall_at_k", "critical_errors"}


def test_another_sanity_set_and_configuration_may_be_given(cli: Cli) -> None:
    records = json.loads((ROOT / "data" / "sanity" / "sanity_test.json").read_text())[:10]
    path = cli.write("own.json", records)
    config = str(ROOT / "config.yaml")
    ran = cli("validate", "--sanity-test-path", path, "--config-path", config, "--json")
    assert ran.document["n_cases"] == 10


def test_a_bad_record_in_a_sanity_set_is_an_error(cli: Cli) -> None:
    path = cli.write("own.json", [{"EXAM_NAME": "CT Head", "EXPECTED_NAME": "CT Moon"}])
    assert "CT Moon" in cli("validate", "--sanity-test-path", path).error


def test_lookup_prints_what_is_promised(cli: Cli) -> None:
    ran = cli("lookup", "XR KNEE LT WB", "--modality", "CR", "--top-k", "3", "--json")
    found = ran.document
    assert ran.stderr == ""
    assert found["preferred_name"] == "XR Knee weight bearing Lt"
    assert found["concept_id"].startswith("LOCAL-")
    assert found["components"]["laterality"] == "left"
    assert len(found["candidates"]) == 3
    first, second, _ = found["candidates"]
    assert first["preferred_name"] == found["preferred_name"]
    assert first["score"] >= second["score"]
    assert first["features"]["laterality"] == 1.0
    assert 0 <= found["confidence"] <= 1
    assert found["status"] in ("MATCH", "AMBIGUOUS")


def test_an_explanation_adds_up_and_fits_a_hundred_columns(cli: Cli) -> None:
    shown = cli("lookup", "XR KNEE LT WB", "--explain", "--top-k", "25").stdout
    assert max(map(len, shown.splitlines())) <= 100
    for line in ("WB", "laterality", "semantic", "side", "XR Knee weight bearing Rt"):
        assert line in shown


@pytest.mark.parametrize("name", ["MDT meeting", "", "   ", "\u2603\u2603", "x" * 5000])
def test_lookup_of_what_is_no_exam_never_matches(name: str, cli: Cli) -> None:
    found = cli("lookup", name, "--json").document
    assert found["status"] != "MATCH"


def test_an_explanation_heads_the_scores_with_names_and_leads_to_the_confidence(
    cli: Cli,
) -> None:
    ran = cli("lookup", "XR KNEE LT WB", "--explain")
    found = cli("lookup", "XR KNEE LT WB", "--json").document
    lines = ran.stdout.splitlines()
    title = lines.index(next(line for line in lines if line.startswith("Score = sum")))
    body = lines.index(next(line for line in lines if line.startswith(" anatomy  ")))
    head = " ".join(lines[title + 1 : body]).split()
    for rank, candidate in enumerate(found["candidates"], start=1):
        assert f"{rank}." in head
        assert set(candidate["preferred_name"].split()) <= set(head)
    assert "rank" not in ran.stdout
    first, second, *_ = found["candidates"]
    told = re.compile(
        r"confidence (\d\.\d{3}): score \d\.\d\d without frequency, lead (\d\.\d\d) over row 2, "
        r"0 additions, 100% understood"
    )
    (confidence, lead) = next(found.groups() for found in map(told.fullmatch, lines) if found)
    assert confidence == f"{found['confidence']:.3f}"
    assert lead == f"{first['score'] - second['score']:.2f}"


def test_an_explanation_says_why_there_is_no_confidence(cli: Cli) -> None:
    shown = cli("lookup", "MDT meeting", "--explain").stdout
    assert "confidence 0.000: the name is no examination" in shown


def test_help_names_units(cli: Cli) -> None:
    for verb in ("train", "optimize", "validate", "lookup"):
        assert "default" in cli(verb, "--help").stdout
    assert "seconds" in cli("optimize", "--help").stdout.lower()
