from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from data.generator.cases import build_training_files
from data.generator.catalogue import DEFAULT_SEED, CatalogueRow, build_catalogue
from data.generator.lexicon import read_lexicon
from data.generator.meaning import MeaningIndex, meaning_of
from data.generator.noise import Noise
from data.generator.site_cases import fold
from data.generator.unanswerable import Unanswerable

Record = dict[str, str | None]

ROOT = Path(__file__).resolve().parents[2]
TUNING = ("v2", "v3", "v5", "v6", "v8")
HELD_OUT = ("v4", "v9", "v7", "v10")


@pytest.fixture(scope="module")
def rows() -> dict[str, CatalogueRow]:
    return {row.preferred_name: row for row in build_catalogue()}


@pytest.fixture(scope="module")
def files(rows: dict[str, CatalogueRow]) -> dict[str, list[Record]]:
    return build_training_files(tuple(rows.values()), DEFAULT_SEED)


@pytest.fixture(scope="module")
def records(files: dict[str, list[Record]]) -> list[Record]:
    return [record for file in files.values() for record in file]


def names_at(files: dict[str, list[Record]], version: str) -> set[str]:
    return {
        (record["EXAM_NAME"] or "").casefold()
        for record in files[f"radiology_codes_cleaned_{version}.json"]
    }


def share(values: Iterable[bool]) -> float:
    flags = list(values)
    return sum(flags) / len(flags)


def one_slot_keys(row: CatalogueRow) -> list[tuple[object, ...]]:
    slots = [
        tuple(sorted(value)) if isinstance(value, tuple) else value for value in row.slots[:7]
    ]
    return [(place, *slots[:place], *slots[place + 1 :]) for place in range(len(slots))]


def test_nine_files_hold_nine_sites(files: dict[str, list[Record]]) -> None:
    assert list(files) == [f"radiology_codes_cleaned_v{number}.json" for number in range(2, 11)]
    sites = [{record["DATA_SOURCE"] for record in file} for file in files.values()]
    assert all(len(site) == 1 for site in sites)
    assert len(set.union(*sites)) == 9


def test_records_have_the_shape_that_users_know(records: list[Record]) -> None:
    keys = ["DATA_SOURCE", "MODALITY_CODE", "EXAM_CODE", "EXAM_NAME", "EXPECTED_NAME"]
    assert 15_000 <= len(records) <= 16_000
    assert all(list(record) == keys for record in records)
    assert all(record["EXAM_NAME"] and record["EXAM_CODE"] for record in records)


def test_every_gold_row_is_in_the_catalogue(
    records: list[Record], rows: dict[str, CatalogueRow]
) -> None:
    golds = {record["EXPECTED_NAME"] for record in records} - {None}
    assert golds <= set(rows)
    assert len(golds) / len(rows) >= 0.65


def test_exam_codes_are_unique_within_a_site(files: dict[str, list[Record]]) -> None:
    for file in files.values():
        assert len({record["EXAM_CODE"] for record in file}) == len(file)


def test_a_name_and_its_modality_have_one_gold_row(records: list[Record]) -> None:
    golds: dict[tuple[str, str | None], set[str | None]] = defaultdict(set)
    for record in records:
        golds[fold(record["EXAM_NAME"] or ""), record["MODALITY_CODE"]].add(
            record["EXPECTED_NAME"]
        )
    assert [key for key, found in golds.items() if len(found) > 1] == []


def test_most_answerable_cases_have_a_neighbour_one_slot_away(
    records: list[Record], rows: dict[str, CatalogueRow]
) -> None:
    neighbours: dict[tuple[object, ...], int] = defaultdict(int)
    for row in rows.values():
        for key in one_slot_keys(row):
            neighbours[key] += 1
    golds = [rows[gold] for record in records if (gold := record["EXPECTED_NAME"]) is not None]
    assert share(any(neighbours[key] > 1 for key in one_slot_keys(row)) for row in golds) >= 0.6


@pytest.mark.parametrize("version", HELD_OUT)
def test_held_out_sites_have_names_of_their_own(
    files: dict[str, list[Record]], version: str
) -> None:
    known = set.union(*(names_at(files, tuning) for tuning in TUNING))
    names = names_at(files, version)
    assert len(names - known) / len(names) >= 0.15


def matches(pattern: str) -> Callable[[str], bool]:
    return lambda name: re.search(pattern, name) is not None


@pytest.mark.parametrize(
    ("phenomenon", "is_present", "low", "high"),
    [
        ("slash", matches("/"), 0.04, 0.11),
        ("brackets", matches(r"\("), 0.06, 0.13),
        ("digits", matches(r"\d"), 0.04, 0.14),
        ("capitals", lambda name: name.isupper() and len(name) > 6, 0.04, 0.12),
    ],
)
def test_names_look_like_real_ones(
    records: list[Record],
    phenomenon: str,
    is_present: Callable[[str], bool],
    low: float,
    high: float,
) -> None:
    found = share(is_present(record["EXAM_NAME"] or "") for record in records)
    assert low <= found <= high, phenomenon


def test_names_are_as_long_as_real_ones(records: list[Record]) -> None:
    names = [record["EXAM_NAME"] or "" for record in records]
    assert 3.0 <= sum(len(name.split()) for name in names) / len(names) <= 4.2
    assert 18 <= sum(map(len, names)) / len(names) <= 23
    assert max(map(len, names)) <= 64


def test_golds_are_in_the_proportions_of_real_use(
    records: list[Record], rows: dict[str, CatalogueRow]
) -> None:
    golds = [rows[gold] for record in records if (gold := record["EXPECTED_NAME"]) is not None]
    assert 0.06 <= share(record["EXPECTED_NAME"] is None for record in records) <= 0.08
    assert 0.20 <= share(row.slots.laterality != "none" for row in golds) <= 0.38
    assert 0.06 <= share(row.slots.contrast != "none" for row in golds) <= 0.12
    assert 0.04 <= share(row.is_interventional for row in golds) <= 0.14
    for modality, low, high in (("XR", 0.2, 0.3), ("US", 0.15, 0.26), ("CT", 0.15, 0.26)):
        assert low <= share(row.slots.modality == modality for row in golds) <= high


def test_unanswerable_lines_are_left_open_by_the_catalogue(
    rows: dict[str, CatalogueRow],
) -> None:
    catalogue = tuple(rows.values())
    index = MeaningIndex(catalogue)
    unanswerable = Unanswerable(catalogue, index)
    for row in unanswerable.sided_rows:
        meaning = meaning_of(row.slots)._replace(laterality="none")
        assert index.exact(meaning, [row.slots.modality]) == []
    assert len(unanswerable.vague_texts) >= 60
    assert len(unanswerable.absent_texts) >= 60


def test_lexicon_spells_terms_of_the_catalogue_only(rows: dict[str, CatalogueRow]) -> None:
    terms = (ROOT / "data/source/terms.toml").read_text(encoding="utf-8")
    unknown = [term for _, term in read_lexicon().spellings if f'"{term}"' not in terms]
    assert unknown == []
    assert rows


@pytest.mark.parametrize(
    ("name", "length", "expected"),
    [
        ("CT Abdomen and pelvis", 24, "CT Abdomen and pelvis"),
        ("US Guided aspiration breast", 25, "US Guided aspiration brea"),
        ("CT Thorax with contrast", 20, "CT Thorax with contr"),
        ("XR Patella weight left", 20, None),
        ("XR Knee skyline views Lt", 12, None),
    ],
)
def test_a_cut_never_loses_what_matters(name: str, length: int, expected: str | None) -> None:
    noise = Noise({"breast", "aspiration", "contrast"}, {"left", "contrast", "with"})
    assert noise.cut(name, length) == expected


def test_the_committed_files_are_what_the_generator_writes(
    files: dict[str, list[Record]],
) -> None:
    for name, expected in files.items():
        written = (ROOT / "data/training" / name).read_text(encoding="utf-8")
        assert json.loads(written) == expected
