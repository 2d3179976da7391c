from __future__ import annotations

import csv
import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from exchange.maps.answer_columns import ANSWER_COLUMNS
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts_tests.conftest import Cli

NAMES = [
    ("1", "CT Thorax & abdo & pel C+", "CT"),
    ("2", "XR KNEE LT WB", "CR"),
    ("3", "", "CT"),
    ("4", "MDT meeting", ""),
    ("5", "zzz qqq", ""),
    ("6", "XR Knee", "CR"),
]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_csv(separator: str = ",", newline: str = "\n") -> str:
    header = separator.join(("row", "exam_name", "modality"))
    return newline.join([header, *(separator.join(entry) for entry in NAMES), ""])


def test_columns_are_kept_and_the_answer_follows(cli: Cli) -> None:
    ran = cli("map", "--input", cli.write("in.csv", as_csv()), "--output", "out.csv", "--json")
    assert ran.document["n_records"] == len(NAMES)
    answered = rows_of(cli.folder / "out.csv")
    assert [(r["row"], r["exam_name"], r["modality"]) for r in answered] == NAMES
    assert list(answered[0]) == ["row", "exam_name", "modality", *ANSWER_COLUMNS]
    first, knee, blank, meeting, nonsense, sideless = answered
    assert first["status"] == "MATCH"
    assert first["preferred_name"] == "CT Thorax abdomen pelvis with contrast"
    assert first["parsed_anatomy"] == "abdomen;pelvis;thorax"
    assert (first["parsed_modality"], first["parsed_contrast"]) == ("CT", "with")
    assert first["parsed_interventional"] == "false"
    assert knee["preferred_name"] == "XR Knee weight bearing Lt"
    assert knee["parsed_laterality"] == "left"
    assert (blank["status"], blank["warnings"]) == ("NO_MATCH", "no exam name")
    assert (meeting["status"], meeting["preferred_name"]) == ("NON_CLINICAL", "")
    assert (nonsense["status"], nonsense["concept_id"]) == ("NO_MATCH", "")
    assert sideless["status"] == "AMBIGUOUS"
    assert "side not as the name states" in sideless["warnings"]
    assert not [name for name in cli.files() if "partial" in name]


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("crlf.csv", as_csv(newline="\r\n"), "utf-8"),
        ("bom.csv", as_csv(), "utf-8-sig"),
        ("semicolon.csv", as_csv(separator=";"), "utf-8"),
        ("tab.tsv", as_csv(separator="\t"), "utf-8"),
        ("windows.csv", as_csv().replace("zzz", "\u00e9\u20ac"), "cp1252"),
        ("latin.csv", as_csv().replace("zzz", "\u0081"), "latin-1"),
        ("wide.csv", as_csv(), "utf-16"),
        ("nul.csv", as_csv().replace("zzz", "z\0zz"), "utf-8"),
        (
            "names.json",
            json.dumps([{"EXAM_NAME": n, "MODALITY_CODE": m, "row": int(r)} for r, n, m in NAMES]),
            "utf-8-sig",
        ),
        (
            "names.jsonl",
            "\n\n".join(
                json.dumps({"study_description": n, "Modality": m, "row": r}) for r, n, m in NAMES
            ),
            "utf-8",
        ),
    ],
)
def test_every_form_of_the_same_names_gets_the_same_answers(
    name: str, text: str, encoding: str, cli: Cli
) -> None:
    (cli.folder / name).write_bytes(text.encode(encoding))
    ran = cli("map", "--input", name, "--output", "out.jsonl", "--format", "jsonl")
    assert ran.code == 0, ran.stderr
    lines = (cli.folder / "out.jsonl").read_text(encoding="utf-8").split("\n")
    answered = [json.loads(line) for line in lines if line]
    assert [record["row"] for record in answered] == [row for row, _, _ in NAMES]
    assert [record["status"] for record in answered] == [
        "MATCH",
        "MATCH",
        "NO_MATCH",
        "NON_CLINICAL",
        "NO_MATCH",
        "AMBIGUOUS",
    ]


def test_another_catalogue_may_be_given(cli: Cli) -> None:
    reference = [
        {
            "snomed_concept_id": number,
            "snomed_fsn": "",
            "snomed_laterality_concept_id": "",
            "snomed_laterality_fsn": "",
            "is_diagnostic": "",
            "is_interventional": "",
            "primary_source_name": name,
        }
        for number, name in enumerate(("CT Chest W contrast IV", "XR Knee 3V Left"), start=1)
    ]
    path = cli.write("reference.json", reference)
    cli.write("in.csv", as_csv())
    cli("map", "--input", "in.csv", "--output", "out.csv", "--reference", path)
    answered = rows_of(cli.folder / "out.csv")
    assert answered[1]["preferred_name"] == "XR Knee 3V Left"
    assert answered[1]["concept_id"] == "2"


def test_a_column_named_like_an_answer_is_kept_under_another_name(cli: Cli) -> None:
    cli.write("in.csv", "exam_name,status\nCT Head,old\n")
    cli("map", "--input", "in.csv", "--output", "out.csv")
    (answered,) = rows_of(cli.folder / "out.csv")
    assert (answered["input_status"], answered["status"]) == ("old", "MATCH")


@pytest.mark.process
def test_an_interrupted_run_is_whole_and_goes_on(cli: Cli) -> None:
    lines = [f"{i},CT Head {i},CT" for i in range(6000)]
    cli.write("in.csv", "\n".join(["row,exam_name,modality", *lines, ""]))
    whole = ("map", "--input", "in.csv", "--output", "whole.csv", "--max-workers", "1")
    assert cli(*whole).code == 0
    options = ("--input", "in.csv", "--output", "out.csv", "--max-workers", "1")
    running = cli.start("map", *options, output=subprocess.PIPE)
    state = cli.folder / "out.csv.partial.json"
    while running.poll() is None:
        if state.exists() and json.loads(state.read_text())["n_records"] >= 1000:
            running.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    _, stderr = running.communicate()
    assert running.returncode == 130, stderr
    assert "--resume" in stderr
    n_written = json.loads(state.read_text())["n_records"]
    assert len(rows_of(cli.folder / "out.csv.partial")) == n_written
    assert not (cli.folder / "out.csv").exists()
    written = state.read_text()
    for changed in (written.replace(str(n_written), str(n_written - 1)), "[" * 9999, "{}", "[7]"):
        state.write_text(changed)
        error = cli("map", "--input", "in.csv", "--output", "out.csv", "--resume").error
        assert "there is no interrupted run to resume" in error
    state.write_text(written)
    resumed = cli("map", "--input", "in.csv", "--output", "out.csv", "--resume", "--json")
    assert resumed.document["n_resumed"] == n_written
    expected = (cli.folder / "whole.csv").read_bytes()
    assert (cli.folder / "out.csv").read_bytes() == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--input", "none.csv", "--output", "out.csv"), "none.csv: no such file"),
        (("--input", ".", "--output", "out.csv"), "is a directory"),
        (("--input", "empty.csv", "--output", "out.csv"), "empty.csv: holds no record"),
        (("--input", "header.csv", "--output", "out.csv"), "header.csv: holds no record"),
        (("--input", "other.csv", "--output", "out.csv"), "no column with exam names"),
        (("--input", "in.csv", "--output", "in.csv"), "is an input"),
        (("--input", "in.csv", "--output", "own.yaml", "--config", "own.yaml"), "is an input"),
        (("--input", "in.csv", "--output", "in.csv", "--reference", "in.csv"), "is an input"),
        (("--input", "in.csv", "--output", "."), "is a directory"),
        (("--input", "in.csv", "--output", "o", "--format", "xlsx"), "'xlsx' is unknown"),
        (("--input", "in.csv", "--output", "o", "--resume"), "no interrupted run to resume"),
        (("--input", "in.csv", "--output", "o", "--reference", "in.csv"), "not valid JSON"),
        (("--input", "broken.json", "--output", "o"), "not a valid JSON list"),
        (("--input", "broken.jsonl", "--output", "o"), "broken.jsonl: line 2: not valid JSON"),
        (("--output", "o"), "--input"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    options: tuple[str, ...], said: str, cli: Cli
) -> None:
    inputs = {
        "in.csv": as_csv(),
        "empty.csv": "",
        "header.csv": "exam_name\n",
        "other.csv": "a,b\n1,2\n",
        "broken.json": '[{"exam_name": "CT Head"}, {',
        "own.yaml": (ROOT / "config.yaml").read_text(encoding="utf-8"),
        "broken.jsonl": '{"exam_name": "CT Head"}\n{\n',
    }
    for name, text in inputs.items():
        cli.write(name, text)
    assert said in cli("map", *options).error
    assert {name for name in cli.files() if "partial" not in name} == set(inputs)
