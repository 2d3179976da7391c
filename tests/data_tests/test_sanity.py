"""The hand-written sanity set and consistency groups: complete and inside the catalogue."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
SANITY = DATA / "sanity" / "sanity_test.json"
GROUPS = DATA / "sanity" / "consistency_groups.json"
KEYS = ["DATA_SOURCE", "MODALITY_CODE", "EXAM_CODE", "EXAM_NAME", "EXPECTED_NAME"]
MODALITY_WORD = re.compile(
    r"\b(?:ct|mri?|mra|mrv|us|uss|u/s|ultrasound|xr|x-?ray|nm|nuclear medicine|pet|petct|mg"
    r"|mammo\w*|dexa|dxa|fluoro\w*|videofluoro\w*|barium)\b",
    re.IGNORECASE,
)


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = load(SANITY)
    return loaded


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = load(GROUPS)
    return loaded


@pytest.fixture(scope="module")
def slots() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = load(DATA / "reference" / "slots.json")
    return loaded


@pytest.fixture(scope="module")
def catalogue() -> set[str]:
    return {row["primary_source_name"] for row in load(DATA / "reference" / "NHS.json")}


@pytest.fixture(scope="module")
def gold_slots(
    cases: list[dict[str, Any]], slots: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    golds = [case["EXPECTED_NAME"] for case in cases]
    return [slots[gold] for gold in golds if gold is not None]


@pytest.mark.parametrize("path", [SANITY, GROUPS], ids=lambda path: path.stem)
def test_files_are_written_one_way(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"


def test_one_hundred_records_with_the_same_keys(cases: list[dict[str, Any]]) -> None:
    assert [case["EXAM_CODE"] for case in cases] == [f"S{n:03d}" for n in range(1, 101)]
    for case in cases:
        assert list(case) == KEYS
        assert case["DATA_SOURCE"] == "SANITY"
        assert case["MODALITY_CODE"].strip()
        assert case["EXAM_NAME"].strip() == case["EXAM_NAME"] != ""


def test_names_with_their_modality_code_are_unique(cases: list[dict[str, Any]]) -> None:
    pairs = {(case["EXAM_NAME"].casefold(), case["MODALITY_CODE"]) for case in cases}
    assert len(pairs) == len(cases)


def test_every_gold_row_is_in_the_catalogue(
    cases: list[dict[str, Any]], catalogue: set[str], slots: dict[str, dict[str, Any]]
) -> None:
    golds = {case["EXPECTED_NAME"] for case in cases} - {None}
    assert golds <= catalogue
    assert golds <= set(slots)


def test_no_name_is_copied_from_its_gold_row(cases: list[dict[str, Any]]) -> None:
    copied = [case["EXAM_CODE"] for case in cases if case["EXAM_NAME"] == case["EXPECTED_NAME"]]
    assert len(copied) <= 1  # MRCP has no other name


def test_every_modality_is_covered(
    gold_slots: list[dict[str, Any]], slots: dict[str, dict[str, Any]]
) -> None:
    assert {row["modality"] for row in gold_slots} == {row["modality"] for row in slots.values()}


def test_enough_names_state_the_modality(cases: list[dict[str, Any]]) -> None:
    assert sum(MODALITY_WORD.search(case["EXAM_NAME"]) is not None for case in cases) >= 60


def test_a_few_cases_have_no_row(cases: list[dict[str, Any]]) -> None:
    assert 3 <= sum(case["EXPECTED_NAME"] is None for case in cases) <= 8


def test_enough_hard_gold_rows(gold_slots: list[dict[str, Any]]) -> None:
    assert sum(row["laterality"] != "none" for row in gold_slots) >= 25
    assert sum(row["contrast"] != "none" for row in gold_slots) >= 12
    assert sum(row["interventional"] for row in gold_slots) >= 12


def test_groups_are_different_rows_of_the_catalogue(
    groups: list[dict[str, Any]], catalogue: set[str], slots: dict[str, dict[str, Any]]
) -> None:
    golds = [group["EXPECTED_NAME"] for group in groups]
    assert len(golds) >= 19
    assert len(set(golds)) == len(golds)
    assert set(golds) <= catalogue
    modalities = {slots[gold]["modality"] for gold in golds}
    assert modalities == {row["modality"] for row in slots.values()}


def test_group_names_are_distinct_within_and_across_groups(groups: list[dict[str, Any]]) -> None:
    names = [name.casefold() for group in groups for name in group["EXAM_NAMES"]]
    assert len(set(names)) == len(names)
    for group in groups:
        assert list(group) == ["EXPECTED_NAME", "EXAM_NAMES"]
        assert len(group["EXAM_NAMES"]) >= 3
        assert all(name.strip() == name != "" for name in group["EXAM_NAMES"])
