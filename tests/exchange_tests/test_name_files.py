from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.lists import json_stream
from exchange.lists.name_files import read_names
from support.errors import InputFileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.jsonl", '{"exam_name": "CT \\ud800 head"}\n'),
        ("names.json", '[{"exam_name": "CT \\ud800 head"}]'),
    ],
)
def test_half_a_character_becomes_one_that_can_be_written(
    name: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    (record,) = read_names(path)
    assert record.exam_name == "CT ? head"
    assert record.fields == {"exam_name": "CT ? head"}


NAME = '{"exam_name": "CT Head"'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("names.json", f'[{NAME}, "n": {"1" * 5000}}}]', "after 0 records (nested too deeply, or"),
        ("names.json", "[" * 200_000, "(nested too deeply, or"),
        ("names.json", f'[{NAME}, "n": {"[" * 10_000}', "(nested too deeply, or"),
        ("names.json", f"[{NAME}}}, {NAME}}}", "after 2 records (',' or ']' is expected"),
        ("names.json", f"[{NAME}}}] [", "after 1 records (something follows"),
        ("names.json", NAME + "}", "(a list is expected)"),
        ("names.json", "[7, 8]", "record 1: an object is expected"),
        ("names.json", "[]", "holds no record"),
        ("names.json", "", "(a list is expected)"),
        ("names.jsonl", f'{NAME}, "n": {"1" * 5000}}}', "line 1: not valid JSON (nested"),
        ("names.csv", b"\xff\xfeexam_name", "not valid utf-16"),
        ("names.json", b"\xff\xfe[\x00\x00\xd8", "not valid utf-16"),
        ("names.jsonl", b"\xff\xfe{\x00\x00\xd8", "not valid utf-16"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    name: str, content: str | bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputFileError) as caught:
        list(read_names(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_what_is_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    beneath = tmp_path / "names.csv"
    beneath.touch()
    endless, unreadable = tmp_path / "zero.csv", tmp_path / "memory.csv"
    endless.symlink_to("/dev/zero")
    unreadable.symlink_to("/proc/self/mem")
    for path, said in (
        (beneath / "x.csv", "cannot be read"),
        (endless, "is a pipe or a device"),
        (unreadable, "cannot be read"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(InputFileError, match=said):
            list(read_names(path))


def test_records_are_whole_wherever_the_text_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "names.json"
    records = [f'{NAME}, "n": {n}.50, "s": "\\u00e9 \\"}},{{"}}' for n in range(5)]
    path.write_text(" [ " + " ,\n".join(records) + " ] ", encoding="utf-8")
    whole = list(read_names(path))
    assert [record.fields["n"] for record in whole] == [f"{n}.50" for n in range(5)]
    for size in range(1, 40):
        monkeypatch.setattr(json_stream, "_BLOCK", size)
        assert list(read_names(path)) == whole


def test_a_record_without_an_end_does_not_take_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "_BLOCK", 16)
    monkeypatch.setattr(json_stream, "_LONGEST", 1000)
    path = tmp_path / "names.json"
    path.write_text('[{"exam_name": "' + "x" * 100_000, encoding="utf-8")
    read: list[int] = []
    more = json_stream._Window._more

    def counted(window: json_stream._Window) -> bool:
        found = more(window)
        read.append(len(window._text))
        return found

    monkeypatch.setattr(json_stream._Window, "_more", counted)
    with pytest.raises(InputFileError, match="Unterminated string"):
        list(read_names(path))
    assert max(read) < 5000
