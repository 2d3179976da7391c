from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from objectives.cases.cases import dataset_files, load_cases, resolve_dataset
from support.errors import InputFileError
from tests.conftest import ROOT

GOLD = frozenset({"XR Knee Lt"})
GOOD = {
    "DATA_SOURCE": "S",
    "MODALITY_CODE": "CR",
    "EXAM_CODE": 12,
    "EXAM_NAME": " Knee L ",
    "EXPECTED_NAME": "XR Knee Lt",
}


def write(folder: Path, document: object) -> Path:
    path = folder / "cases.json"
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "the file is empty"),
        ("  \n", "the file is empty"),
        ("{", "not valid JSON at line 1"),
        ("[" * 100_000, "not valid JSON"),
        ("[1" + "0" * 10_000 + "]", "not valid JSON"),
        ([], "the list is empty"),
        ({"a": 1}, "a JSON list of records is expected, found an object"),
        ([{"NAME": "x"}], "no usable record; record 1: the key EXAM_NAME is missing"),
        ([{**GOOD, "EXAM_NAME": " "}], "no usable record; record 1: EXAM_NAME is blank"),
        ([{**GOOD, "EXPECTED_NAME": "XR Moon"}], "'XR Moon' is no preferred name"),
        ([7, "x"], "no usable record; record 1: an object is expected"),
    ],
)
def test_unusable_files_are_refused_with_name_and_field(
    document: object, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path, document)
    with pytest.raises(InputFileError) as caught:
        load_cases([path], GOLD)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_bad_record_among_good_ones_is_left_out_with_its_position(tmp_path: Path) -> None:
    path = write(tmp_path, [GOOD, {"EXAM_NAME": ["list"]}, GOOD])
    loaded = load_cases([path], GOLD)
    assert len(loaded.cases) == 2
    assert loaded.n_records == 3
    (bad,) = loaded.bad_records
    assert str(bad) == f"{path}: record 2: EXAM_NAME must be text, found ['list']"


def write_lines(folder: Path, lines: list[str], name: str = "cases.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["cases.jsonl", "cases.ndjson", "CASES.JSONL"])
@pytest.mark.parametrize("limit", [None, 1, 2])
def test_json_lines_say_the_same_as_a_json_list(
    name: str, limit: int | None, tmp_path: Path
) -> None:
    records = [GOOD, {**GOOD, "EXAM_NAME": "Kn\u2028\u00e9e"}, {**GOOD, "EXPECTED_NAME": None}]
    lines = write_lines(tmp_path, [json.dumps(r, ensure_ascii=False) for r in records], name)
    one = load_cases([lines], GOLD, limit)
    other = load_cases([write(tmp_path, records)], GOLD, limit)
    assert one._replace(sha256={}) == other._replace(sha256={})
    assert one.sha256 == {name: hashlib.sha256(lines.read_bytes()).hexdigest()}


def test_a_bad_line_is_left_out_with_its_number(tmp_path: Path) -> None:
    good = json.dumps(GOOD)
    bad = ["{", "[" * 100_000, "1" * 10_000, "7", '{"EXAM_NAME": ""}']
    path = write_lines(tmp_path, [good, "", *bad, " ", good, ""])
    loaded = load_cases([path], GOLD)
    assert len(loaded.cases) == 2
    assert loaded.n_records == 7
    assert [record.position for record in loaded.bad_records] == [3, 4, 5, 6, 7]
    assert str(loaded.bad_records[0]).startswith(
        f"{path}: line 3: not valid JSON (Expecting property name"
    )
    assert str(loaded.bad_records[-1]) == f"{path}: line 7: EXAM_NAME is blank"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\n{\n", "no usable record; line 2: not valid JSON"),
        (b'{"EXAM_NAME": "Kn\xe9e"}', "not UTF-8"),
    ],
)
def test_unusable_json_lines_are_refused(text: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(text)
    with pytest.raises(InputFileError, match=said):
        load_cases([path], GOLD)
    with pytest.raises(InputFileError, match="no such file"):
        load_cases([tmp_path / "none.jsonl"], GOLD)
    with pytest.raises(InputFileError, match="is a directory"):
        load_cases([tmp_path.rename(tmp_path.with_suffix(".jsonl"))], GOLD)


def test_what_many_cases_have_in_common_is_kept_once(tmp_path: Path) -> None:
    one, other = load_cases([write_lines(tmp_path, [json.dumps(GOOD)] * 2)], GOLD).cases
    assert one.site is other.site
    assert one.modality_code is other.modality_code
    assert one.gold is other.gold


def test_a_folder_of_both_kinds_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for name in ("v10.json", "v2.json", "v3.jsonl", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in dataset_files(tmp_path)] == ["v2.json", "v3.jsonl", "v10.json"]


def test_keys_in_lower_case_and_missing_gold_load_too(tmp_path: Path) -> None:
    lower: dict[str, Any] = {key.lower(): value for key, value in GOOD.items()}
    unlabelled = {k: v for k, v in GOOD.items() if k != "EXPECTED_NAME"}
    unanswerable = {**GOOD, "EXPECTED_NAME": None}
    loaded = load_cases([write(tmp_path, [lower, unlabelled, unanswerable])], GOLD)
    first, second, third = loaded.cases
    assert (first.exam_name, first.gold, first.exam_code) == ("Knee L", "XR Knee Lt", "12")
    assert (second.gold, second.has_gold) == (None, False)
    assert (third.gold, third.has_gold) == (None, True)


def test_a_limit_takes_the_first_records(tmp_path: Path) -> None:
    loaded = load_cases([write(tmp_path, [GOOD] * 5)], GOLD, limit=3)
    assert (len(loaded.cases), loaded.n_records) == (3, 3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_byte_order_mark_is_fine_and_other_encodings_are_refused(
    encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "cases.json"
    text = json.dumps([{**GOOD, "EXAM_NAME": "Kn\u00e9e"}], ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    if encoding == "utf-8-sig":
        assert load_cases([path], GOLD).cases[0].exam_name == "Kn\u00e9e"
    else:
        with pytest.raises(InputFileError, match="not UTF-8"):
            load_cases([path], GOLD)


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="is a directory"):
        load_cases([tmp_path], GOLD)
    with pytest.raises(InputFileError, match="no such folder"):
        dataset_files(tmp_path / "none")
    with pytest.raises(InputFileError, match=r"holds no \.json, \.jsonl, \.ndjson file"):
        dataset_files(tmp_path)


def test_the_earlier_layout_still_finds_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "radiology_codes_cleaned_v10.json"
    assert resolve_dataset(Path("Training", name)) == ROOT / "data" / "training" / name
