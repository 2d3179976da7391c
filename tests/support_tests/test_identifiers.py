from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.reading.parse import parse
from exchange.masking import mask_parsed
from support.identifiers import IdentifierKind, find_identifiers, mask
from tests.conftest import ROOT

NHS, DATE, ACCESSION = IdentifierKind

# Weights 10 to 2, remainder of 11; NHS Data Dictionary, NHS NUMBER. Kept apart from the library.
WEIGHTS = range(10, 1, -1)


def check_digit(nine: str) -> int:
    """Return the check digit of nine digits: 10 means that there is no such number."""
    return -sum(weight * int(digit) for weight, digit in zip(WEIGHTS, nine, strict=True)) % 11


NINE = st.text("0123456789", min_size=9, max_size=9).filter(lambda nine: check_digit(nine) < 10)
BETWEEN = st.sampled_from(["", " ", "-", " - ", "\N{NO-BREAK SPACE}", "\N{EN DASH}", "_", "."])
AROUND = st.sampled_from(
    ["", " ", "CT Head ", " (", ") ", "NHS", " 2V ", "T2 ", " 3T", "XR 1234 ", "_", "^", "/", ":"]
)


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("CT Head 943 476 5919", NHS, "CT Head [NHS number]"),
        ("943-476-5919 XR Knee", NHS, "[NHS number] XR Knee"),
        ("NHS9434765919", NHS, "[NHS number]"),
        ("RXX9434765919", NHS, "[NHS number]"),
        ("\uff19\uff14\uff13 476 5919", NHS, "[NHS number]"),
        ("943\u2011476\u20115919", NHS, "[NHS number]"),
        ("US 01/02/1960 Abdo", DATE, "US [date] Abdo"),
        ("1.2.1960", DATE, "[date]"),
        ("01 - 02 - 1960", DATE, "[date]"),
        ("01_02_1960", DATE, "[date]"),
        ("12/25/1960", DATE, "[date]"),
        ("1960-02-01", DATE, "[date]"),
        ("1960/02/01T10:30", DATE, "[date]:30"),
        ("01 Feb 1960", DATE, "[date]"),
        ("1st of February, 1960", DATE, "[date]"),
        ("01FEB1960", DATE, "[date]"),
        ("Feb 1, 1960", DATE, "[date]"),
        ("CT_19600201_Head", DATE, "CT_[date]_Head"),
        ("DOB 1-2-60", DATE, "DOB [date]"),
        ("D.O.B.: 1/2/60 CT", DATE, "D.O.B.: [date] CT"),
        ("dob010260", DATE, "[date]"),
        ("born on 1 Feb 60", DATE, "born on [date]"),
        ("Date of Birth 60-2-1", DATE, "Date of Birth [date]"),
        ("RXX1234567 CT Head", ACCESSION, "[accession number] CT Head"),
        ("CT Head 1234567", ACCESSION, "CT Head [accession number]"),
        ("19601301", ACCESSION, "[accession number]"),
        ("943476591", ACCESSION, "[accession number]"),
        ("19434765919", ACCESSION, "[accession number]"),
        ("acc 12345", ACCESSION, "acc [accession number]"),
        ("Accession No: CT-24/123 Head", ACCESSION, "Accession No: [accession number] Head"),
        ("AccessionNumber=A12345", ACCESSION, "AccessionNumber=[accession number]"),
        ("ACC (12345)", ACCESSION, "ACC ([accession number])"),
    ],
)
def test_what_looks_like_an_identifier_is_found_and_masked(
    name: str, kind: IdentifierKind, shown: str
) -> None:
    (found,) = find_identifiers(name)
    assert found.kind == kind
    assert mask(name) == shown


@pytest.mark.parametrize(
    "name",
    [
        "",
        "CT ABDO 2.5MM",
        "XR 1234 view",
        "I-123 MIBG",
        "I-131",
        "Tc99m",
        "T2 FLAIR 1.5T",
        "CCHAPC",
        "C1234",
        "MD8384-CT",
        "IMG54834",
        "001294 XR Knee",
        "C1-2-3",
        "C1-C7",
        "L1/2 2019",
        "12/40",
        "1-2-60",
        "newborn 1-2-60",
        "32/01/1960",
        "13/13/1960",
        "01/02/2160",
        "Hip MAR 3T",
        "3rd May",
        "accessory spleen 12345",
        "acc 12",
        "MRI acc I-12",
        "1.2.840.113619",
        "943 476 5918",
        "9434 765 919",
    ],
)
def test_exam_names_and_codes_are_left_alone(name: str) -> None:
    assert find_identifiers(name) == ()
    assert mask(name) == name


def test_no_shipped_name_looks_like_an_identifier() -> None:
    paths = [*(ROOT / "data").glob("training/*.json"), *(ROOT / "data").glob("sanity/*.json")]
    records = [record for path in paths for record in json.loads(path.read_text("utf-8"))]
    names = {name for r in records for name in (r.get("EXAM_NAME"), *r.get("EXAM_NAMES", ()))}
    assert len(names) > 10_000
    assert [name for name in names if name and find_identifiers(name)] == []


def test_identifiers_that_overlap_are_masked_as_one() -> None:
    assert mask("acc 01/02/1960-77 CT") == "acc [date] CT"
    assert mask("1960-02-01.5.2001") == "[date]"
    assert mask("CT9434765919acc, 12345678") == "[NHS number], [accession number]"
    assert mask("DOB 01/02/1960, 943 476 5919") == "DOB [date], [NHS number]"


@given(AROUND, NINE, BETWEEN, BETWEEN, AROUND)
def test_a_valid_nhs_number_is_found_in_every_spelling(
    before: str, nine: str, first: str, second: str, after: str
) -> None:
    number = f"{nine[:3]}{first}{nine[3:6]}{second}{nine[6:]}{check_digit(nine)}"
    start = len(before)
    name = f"{before}{number}{after}"
    assert any(
        found.kind == NHS and found.start <= start and start + len(number) <= found.end
        for found in find_identifiers(name)
    )
    context = re.findall(r"\d+", before + after)
    assert [digits for digits in re.findall(r"\d+", mask(name)) if digits not in context] == []


@given(AROUND, NINE, BETWEEN, AROUND, st.integers(1, 9))
def test_a_wrong_check_digit_is_no_nhs_number(
    before: str, nine: str, between: str, after: str, wrong_by: int
) -> None:
    wrong = (check_digit(nine) + wrong_by) % 10
    name = f"{before}{nine[:3]}{between}{nine[3:6]}{between}{nine[6:]}{wrong}{after}"
    assert all(found.kind != NHS for found in find_identifiers(name))


PIECES = st.sampled_from(
    [
        *("943 476 5919", "9434765919", "943", "476", "5919", "1", "12", "60", "1960", "2001"),
        *("01/02/", "1960-02-01", "19600201", "RXX1234567", "1234567", "12345", "Feb", "may"),
        *("acc", "accession", "number", "no", "DOB", "d.o.b.", "born", "date", "of", "birth"),
        *(" ", "-", "/", ".", "_", ":", "[", "]", "(", "[date]", "[accession number]", "CT"),
    ]
)
HARD_TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text()


@given(HARD_TEXTS)
def test_masking_twice_changes_nothing(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(HARD_TEXTS)
def test_identifiers_stand_apart_and_in_order(text: str) -> None:
    found = find_identifiers(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


@settings(deadline=None)  # the first parse loads the vocabulary
@given(HARD_TEXTS)
def test_a_reading_shows_nothing_of_an_identifier(text: str) -> None:
    parsed = parse(text)
    shown = mask_parsed(parsed)
    assert shown.text == mask(text)
    assert set(shown.unknown) <= set(parsed.unknown)
    words = [shown.text[span.start : span.end] for span in shown.spans]
    hidden = [found.placeholder for found in find_identifiers(text)]
    of_spans = [
        word
        for word, span in zip(words, shown.spans, strict=True)
        if span.value == "patient identifier"
    ]
    assert of_spans == hidden
    read = {text[span.start : span.end] for span in parsed.spans}
    assert set(words) - set(hidden) <= read


def test_a_reading_keeps_what_the_name_states() -> None:
    parsed = parse("CT Head RXX1234567 zorg 1 Feb 1960")
    assert parsed.unknown == ("rxx", "zorg", "feb")
    shown = mask_parsed(parsed)
    assert shown.unknown == ("zorg",)
    assert (shown.modalities, shown.anatomy) == (parsed.modalities, parsed.anatomy)
    words = [shown.text[span.start : span.end] for span in shown.spans]
    assert words == ["CT Head", "[accession number]", "zorg", "[date]"]
    assert mask_parsed(parse("CT Head zorg")) is parse("CT Head zorg")
