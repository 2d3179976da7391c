"""No output of a verb repeats what looks like a patient identifier."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import pytest

from exchange.lists.name_files import read_names
from exchange.maps.answer_columns import ANSWER_COLUMNS
from objectives.cases.cases import load_cases
from scripts.shared.console import warn
from support.errors import InputFileError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts_tests.conftest import Cli, Ran

# A made-up number with a right check digit; the others are no more real.
NHS_NUMBER, BORN, ACCESSION = "943 476 5919", "01 Feb 1960", "RXX7654321"
NAME = f"CT Head {NHS_NUMBER} zorg {BORN} {ACCESSION}"
FILE_HASH = re.compile("[0-9a-f]{16}")
TELLING = re.compile(r"943|476|5919|\bfeb\b|1960|rxx|7654321", re.IGNORECASE)
# The clock's own digits may be any: the stamp of a log file, how long a run took, how fast it was.
CLOCK = re.compile(
    r"(?<=training_)\d{8}_\d{6}"
    r"|(?<=\"total_processing_time_s\": )[\d.e-]+|(?<=\"cases_per_s\": )[\d.e-]+"
    r"|(?<=Processing speed: )[\d,]+"
)


def assert_masked(*texts: str) -> None:
    for text in texts:
        assert TELLING.search(CLOCK.sub("", text)) is None, text


def output_of(ran: Ran) -> str:
    assert ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_the_names_would_be_seen() -> None:
    assert len(TELLING.findall(CLOCK.sub("", NAME))) == 7


def test_the_clock_is_not_taken_for_them() -> None:
    assert_masked(
        'training_20261128_154943.log, "cases_per_s": 9.43, "total_processing_time_s": 0.943'
    )
    with pytest.raises(AssertionError):
        assert_masked("training_943.log")


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_map_flags_the_line_and_keeps_only_the_users_own_column(
    file_format: str, cli: Cli
) -> None:
    cli.write("in.csv", f"row,exam_name,modality\n1,{NAME},CT\n2,CT Head,CT\n3,{BORN},{BORN}\n")
    output = f"out.{file_format}"
    ran = cli("map", "--input", "in.csv", "--output", output, "--format", file_format)
    assert ran.code == 0, ran.stderr
    assert_masked(output_of(ran))
    with (cli.folder / output).open(encoding="utf-8", newline="") as file:
        flagged, plain, blank = (
            csv.DictReader(file) if file_format == "csv" else map(json.loads, file)
        )
    assert flagged["exam_name"] == NAME
    assert_masked(*(flagged[column] for column in ANSWER_COLUMNS))
    kinds = "NHS number, date, accession number"
    assert flagged["warnings"] == f"looks like a patient identifier: {kinds}; not understood: zorg"
    assert flagged["preferred_name"] == plain["preferred_name"] == "CT Head"
    assert plain["warnings"] == ""
    assert_masked(*(blank[column] for column in ANSWER_COLUMNS))
    assert blank["warnings"] == "looks like a patient identifier: date"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cut.json", f'[{{"exam_name": "{NAME}"}} {{]'),
        ("word.json", f'[{{"exam_name": {NHS_NUMBER}x}}]'),
        ("cut.jsonl", f'{{"exam_name": "{NAME}"\n'),
        ("list.jsonl", f'["{NAME}"]\n'),
        ("none.csv", f"{NAME}\nCT Head\n"),
    ],
)
def test_an_unreadable_file_is_not_quoted(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        list(read_names(path))
    assert_masked(str(caught.value).removeprefix(str(path)))


@pytest.mark.parametrize("options", [(), ("--json",), ("--explain",)])
def test_lookup_says_what_stood_there_not_what_it_was(options: tuple[str, ...], cli: Cli) -> None:
    ran = cli("lookup", NAME, *options)
    assert "CT Head" in ran.stdout
    assert_masked(output_of(ran))
    if options == ("--json",):
        assert ran.document["components"]["unknown"] == ["zorg"]
    if options == ("--explain",):
        for placeholder in ("[NHS number]", "[date]", "[accession number]"):
            assert placeholder in ran.stdout


def test_a_name_given_without_quotes_is_not_repeated(cli: Cli) -> None:
    error = cli("lookup", "CT", *NHS_NUMBER.split()).error
    assert_masked(error)
    assert "[NHS number]" in error


BAD_RECORDS = [
    {"EXAM_NAME": [NAME]},
    {"EXAM_NAME": ["x" * 30 + NHS_NUMBER]},  # the cut would fall into it
    {"EXAM_NAME": "CT Head", "MODALITY_CODE": {"id": NAME}},
    {"EXAM_NAME": "CT Head", "EXPECTED_NAME": NAME},
]


@pytest.mark.parametrize("bad", BAD_RECORDS)
def test_a_bad_record_says_why_without_it(bad: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([bad, {"EXAM_NAME": "CT Head"}]), encoding="utf-8")
    (found,) = load_cases([path], frozenset()).bad_records
    assert_masked(found.reason)
    assert "[" in found.reason


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_training_reports_bad_records_without_it(options: tuple[str, ...], cli: Cli) -> None:
    (*_, path) = sorted(cli.data.glob("*.json"))
    records = [*json.loads(path.read_text(encoding="utf-8"))[:5], *BAD_RECORDS]
    ran = cli("train", *options, "--dataset", cli.write("some.json", records))
    assert ran.code == 0, ran.stderr
    assert "some.json: record 9: EXPECTED_NAME 'CT Head [NHS number] zorg " in ran.stderr
    assert_masked(output_of(ran))


@pytest.mark.parametrize("log_format", [(), ("--log-json",)])
def test_training_keeps_no_name_in_log_or_database(log_format: tuple[str, ...], cli: Cli) -> None:
    named = {"DATA_SOURCE": f"SITE {NHS_NUMBER}", "EXAM_CODE": ACCESSION, "EXAM_NAME": NAME}
    path = cli.write("some.json", [named, *BAD_RECORDS, {"EXAM_NAME": "CT Head"}])
    ran = cli("train", *log_format, "--dataset", path)
    assert ran.code == 0, ran.stderr
    assert_masked(ran.stderr)
    (log,) = (cli.folder / "logs" / "training").iterdir()
    messages = [line.split(" INFO ")[-1] for line in log.read_text(encoding="utf-8").splitlines()]
    if log_format:
        messages = [json.loads(line)["message"] for line in messages]
    assert_masked(*messages)
    kept = [
        value
        for table in ("training_results", "model_performance")
        for row in cli.sql(f"SELECT * FROM {table}")  # noqa: S608 - constants
        for value in row
        if isinstance(value, str)
    ]
    assert "SITE [NHS number]" in kept
    assert_masked(*(value for value in kept if not FILE_HASH.fullmatch(value)))


def test_an_unusable_file_is_an_error_without_it(cli: Cli) -> None:
    assert_masked(cli("train", "--dataset", cli.write("bad.json", BAD_RECORDS)).error)


def test_a_line_for_the_user_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    warn(f"left out: {NAME}")
    said = "left out: CT Head [NHS number] zorg [date] [accession number]\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_missed_case_is_listed_without_it(options: tuple[str, ...], cli: Cli) -> None:
    sanity = ROOT / "data" / "sanity" / "sanity_test.json"
    records = json.loads(sanity.read_text(encoding="utf-8"))[:5]
    missed = {"EXAM_NAME": NAME, "MODALITY_CODE": NHS_NUMBER, "EXPECTED_NAME": "XR Knee Lt"}
    path = cli.write("own.json", [*records, missed])
    ran = cli("validate", *options, "--sanity-test-path", path)
    assert "CT Head [NHS number] zorg [date] [accession number]" in ran.stdout
    assert_masked(output_of(ran))
