"""The synthetic catalogue: shape, consistency, no impossible row, same bytes on every rebuild."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from data.generator.catalogue import DEFAULT_SEED, CatalogueRow, build_catalogue
from data.generator.source import SourceError, read_conventions, read_terms
from data.generator.wording import short_name

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "data" / "reference"
KEYS = [
    "snomed_concept_id", "snomed_fsn", "snomed_laterality_concept_id", "snomed_laterality_fsn",
    "is_diagnostic", "is_interventional", "primary_source_name",
]  # fmt: skip
SIDE_WORDS = {"Lt": "left", "Rt": "right", "Both": "bilateral", "B": "bilateral"}
SIDE_IDS = {
    "none": ("", ""),
    "left": ("LOCAL-SIDE-LEFT", "Left (qualifier value)"),
    "right": ("LOCAL-SIDE-RIGHT", "Right (qualifier value)"),
    "bilateral": ("LOCAL-SIDE-BOTH", "Right and left (qualifier value)"),
}
MODALITIES = {"XR", "CT", "MR", "US", "NM", "PET", "FL", "MG", "DXA", "IR", "OT"}
# The first words of a name -> the modality they stand for.
MODALITY_OF_WORDS = [
    ("XR", "XR"),
    ("Mobile XR", "XR"),
    ("CT", "CT"),
    ("Cone beam CT", "CT"),
    ("MRI", "MR"),
    ("MRA", "MR"),
    ("MRV", "MR"),
    ("MRCP", "MR"),
    ("US", "US"),
    ("Mobile US", "US"),
    ("NM", "NM"),
    ("PET", "PET"),
    ("MG", "MG"),
    ("DXA", "DXA"),
    ("Fluoro", "FL"),
    ("ERCP", "FL"),
    ("Image intensifier", "FL"),
    ("Angio", "IR"),
    ("Venogram", "IR"),
    ("PTA", "IR"),
]


@pytest.fixture(scope="module")
def rows() -> tuple[CatalogueRow, ...]:
    return build_catalogue()


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    loaded: list[dict[str, str]] = json.loads((REFERENCE / "NHS.json").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def slots() -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, object]] = json.loads(
        (REFERENCE / "slots.json").read_text("utf-8")
    )
    return loaded


def test_catalogue_has_the_promised_size_and_mix(rows: tuple[CatalogueRow, ...]) -> None:
    n_sided = sum(row.slots.laterality != "none" for row in rows)
    n_interventional = sum(row.is_interventional for row in rows)
    mean_length = sum(len(row.preferred_name) for row in rows) / len(rows)
    assert len(rows) >= 2_500
    assert 0.45 < n_sided / len(rows) < 0.60
    assert 0.35 < n_interventional / len(rows) < 0.45
    assert 25 < mean_length < 30
    assert {row.slots.modality for row in rows} == MODALITIES


def test_names_are_unique_short_and_tidy(rows: tuple[CatalogueRow, ...]) -> None:
    names = [row.preferred_name for row in rows]
    assert [name for name, n in Counter(map(str.casefold, names)).items() if n > 1] == []
    assert max(map(len, names)) <= 40
    assert [name for name in names if name != " ".join(name.split()) or "{" in name] == []
    assert all(name.isascii() for name in names)


def test_no_id_can_be_taken_for_snomed_ct(rows: tuple[CatalogueRow, ...]) -> None:
    for row in rows:
        assert re.fullmatch(r"LOCAL-\d{6}", row.concept_id)
        assert not row.laterality_concept_id or row.laterality_concept_id.startswith("LOCAL-SIDE-")
        assert not re.search(r"\d{6,18}", row.fsn + row.preferred_name)


def test_sides_of_an_exam_share_concept_and_fsn(rows: tuple[CatalogueRow, ...]) -> None:
    fsn_of = {row.concept_id: row.fsn for row in rows}
    assert all(fsn_of[row.concept_id] == row.fsn for row in rows)
    assert len(set(fsn_of.values())) == len(fsn_of) < len(rows)
    keys = Counter((row.concept_id, row.laterality_concept_id) for row in rows)
    assert max(keys.values()) == 1


def test_side_in_slots_fields_and_last_word_agree(rows: tuple[CatalogueRow, ...]) -> None:
    for row in rows:
        side = row.slots.laterality
        last_word = row.preferred_name.split()[-1]
        assert SIDE_WORDS.get(last_word, "none") == side, row.preferred_name
        assert (row.laterality_concept_id, row.laterality_fsn) == SIDE_IDS[side]


def test_contrast_in_slots_agrees_with_the_name(rows: tuple[CatalogueRow, ...]) -> None:
    for row in rows:
        name, contrast = row.preferred_name, row.slots.contrast
        stated = {
            "with": bool(re.search(r"\bwith cont(rast)?\b", name)),
            "without": "without contrast" in name,
            "with_and_without": bool(re.search(r"\bpre and post cont(rast)?\b", name)),
        }
        assert [state for state, is_stated in stated.items() if is_stated] == (
            [] if contrast == "none" else [contrast]
        ), name


@pytest.mark.parametrize(("words", "modality"), MODALITY_OF_WORDS)
def test_first_words_of_the_name_state_the_modality(
    rows: tuple[CatalogueRow, ...], words: str, modality: str
) -> None:
    found = {row.slots.modality for row in rows if row.preferred_name.split(" ")[0] == words}
    found |= {row.slots.modality for row in rows if row.preferred_name.startswith(f"{words} ")}
    assert found == {modality}


def test_no_two_rows_mean_the_same(rows: tuple[CatalogueRow, ...]) -> None:
    meanings = Counter(
        row.slots._replace(
            anatomy=tuple(sorted(row.slots.anatomy)), technique=tuple(sorted(row.slots.technique))
        )
        for row in rows
    )
    assert [meaning for meaning, n in meanings.items() if n > 1] == []


IMPOSSIBLE = [
    # modality, anatomy, laterality (any of), contrast (any of): "*" stands for anything
    ("DXA", "*", "*", "with without with_and_without"),
    ("XR", "*", "*", "with without with_and_without"),
    ("MG", "*", "*", "with without with_and_without"),
    ("NM", "*", "*", "with without with_and_without"),
    ("*", "nasal bone", "left right bilateral", "*"),
    ("*", "abdomen", "left right bilateral", "*"),
    ("*", "pelvis", "left right bilateral", "*"),
    ("*", "thorax", "left right bilateral", "*"),
    ("*", "head", "left right bilateral", "*"),
    ("*", "neck", "left right bilateral", "*"),
    ("*", "liver", "left right bilateral", "*"),
    ("*", "heart", "left right bilateral", "*"),
    ("*", "spine", "left right bilateral", "*"),
    ("*", "aorta", "left right bilateral", "*"),
    ("*", "prostate", "left right bilateral", "*"),
    ("*", "whole body", "left right bilateral", "*"),
    ("*", "fetus", "left right bilateral", "*"),
    ("*", "transplant kidney", "left right bilateral", "*"),
    ("CT", "fetus", "*", "*"),
    ("XR", "fetus", "*", "*"),
    ("MG", "knee", "*", "*"),
    ("DXA", "thorax", "*", "*"),
    ("PET", "knee", "*", "*"),
]
# A side of these comes with a paired neighbour that carries it (side of a neck node, say).
SIDE_FROM_NEIGHBOUR = {"lymph node", "bone", "soft tissue", "aneurysm", "pseudoaneurysm"}


@pytest.mark.parametrize(("modality", "anatomy", "sides", "contrasts"), IMPOSSIBLE)
def test_impossible_rows_are_absent(
    rows: tuple[CatalogueRow, ...], modality: str, anatomy: str, sides: str, contrasts: str
) -> None:
    found = [
        row.preferred_name
        for row in rows
        if modality in ("*", row.slots.modality)
        and (anatomy == "*" or anatomy in row.slots.anatomy)
        and (sides == "*" or row.slots.laterality in sides.split())
        and (contrasts == "*" or row.slots.contrast in contrasts.split())
        and not SIDE_FROM_NEIGHBOUR & set(row.slots.anatomy)
    ]
    assert found == []


def test_mammography_images_the_breast_only(rows: tuple[CatalogueRow, ...]) -> None:
    anatomy = {term for row in rows if row.slots.modality == "MG" for term in row.slots.anatomy}
    assert anatomy == {"breast", "mammary duct"}


def test_obstetric_rows_are_never_sided_or_irradiating(rows: tuple[CatalogueRow, ...]) -> None:
    obstetric = [row for row in rows if "obstetric" in row.slots.context]
    assert obstetric
    assert {row.slots.laterality for row in obstetric} == {"none"}
    assert {row.slots.modality for row in obstetric} == {"US", "MR", "CT"}
    assert [r.preferred_name for r in obstetric if r.slots.modality == "CT"] == ["CT Pelvimetry"]


def test_interventional_flags_agree(rows: tuple[CatalogueRow, ...]) -> None:
    for row in rows:
        assert row.is_diagnostic is not row.is_interventional
        assert row.slots.interventional is row.is_interventional
        expected = bool(row.slots.intervention) or row.slots.modality == "IR"
        assert row.is_interventional is expected, row.preferred_name


def test_every_term_is_listed_once(rows: tuple[CatalogueRow, ...]) -> None:
    terms = read_terms()
    for kind in ("anatomy", "technique", "intervention", "context"):
        used = {term for row in rows for term in getattr(row.slots, kind)}
        assert used <= terms[kind]
    assert all(row.slots.anatomy for row in rows)
    assert len(terms["anatomy"]) >= 180
    assert len(terms["technique"]) >= 80
    assert len(terms["intervention"]) >= 40


def test_wording_and_sides_name_known_terms_only() -> None:
    conventions = read_conventions()
    for kind, wording in conventions.wording.items():
        words = {term for phrase in wording for term in phrase.split(" + ")}
        assert words - conventions.terms[kind] == set()
    assert conventions.paired - conventions.terms["anatomy"] == set()
    assert conventions.one_side_at_a_time - conventions.terms["intervention"] == set()


def test_a_name_that_cannot_be_shortened_is_refused() -> None:
    with pytest.raises(SourceError, match="at most 40"):
        short_name("XR " + "verylongword " * 5, "left", read_conventions())


def test_seed_rewords_fsn_only(rows: tuple[CatalogueRow, ...]) -> None:
    others = build_catalogue(DEFAULT_SEED + 1)
    assert [row.preferred_name for row in others] == [row.preferred_name for row in rows]
    assert [row.slots for row in others] == [row.slots for row in rows]
    assert [row.fsn for row in others] != [row.fsn for row in rows]


def test_files_have_the_promised_keys(
    records: list[dict[str, str]], slots: dict[str, dict[str, object]]
) -> None:
    assert all(list(record) == KEYS for record in records)
    assert all(
        {record["is_diagnostic"], record["is_interventional"]} == {"Y", "N"} for record in records
    )
    assert [record["primary_source_name"] for record in records] == list(slots)
    expected = list(build_catalogue()[0].slots._fields)
    assert all(list(slot) == expected for slot in slots.values())


@pytest.mark.process
@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_rebuild_in_a_fresh_process_equals_the_committed_files(
    tmp_path: Path, hash_seed: str
) -> None:
    subprocess.run(
        [sys.executable, "-m", "data.generator", "--output", str(tmp_path)],
        cwd=ROOT,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "LC_ALL": "C"},
        capture_output=True,
    )
    rebuilt = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert rebuilt >= {
        Path("SHA256SUMS"),
        Path("reference", "NHS.json"),
        Path("reference", "slots.json"),
    }
    for path in rebuilt - {Path("SHA256SUMS")}:
        assert (tmp_path / path).read_bytes() == (ROOT / "data" / path).read_bytes(), path


def test_checksums_hold_and_cover_every_json_file() -> None:
    data = ROOT / "data"
    lines = (data / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {path: digest for digest, path in (line.split("  ") for line in lines)}
    assert set(sums) == {path.relative_to(data).as_posix() for path in data.rglob("*.json")}
    for path, digest in sums.items():
        assert hashlib.sha256((data / path).read_bytes()).hexdigest() == digest, path
