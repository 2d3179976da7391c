"""What must hold for every name and every catalogue, proved on the shipped catalogue."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.startup import N_ROWS, repeated
from engine.catalogue.index import CatalogueIndex
from engine.catalogue.rows import CatalogueRow
from engine.decision.decide import Status
from engine.lookup import Answer, LookupEngine
from engine.ranking.vetoes import vetoed
from engine.reading.parse import parse
from engine.reading.patient import stated_groups
from engine.reading.slots import GIVES_CONTRAST, Contrast, Laterality, Modality
from engine.vocabulary.lexicon import lexicon
from exchange.catalogues.nhs_json import load_catalogue
from objectives.cases.critical_errors import RowTruth
from tests.conftest import ROOT
from tests.engine_tests.conftest import make_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from objectives.configuration import Configuration

EXAMPLES = settings().max_examples  # fewer in the quick tier
BATCH = 250
# measured: 0.9957 of the preferred names
LEAST_SHARE_OF_OWN_NAMES = 0.994

PHRASES = sorted(lexicon().phrases())
SEPARATORS = (" ", "/", "^", "_", "-", " & ", " + ", ", ", " (", ") ", " - ", " / ", ".", ":")
NAMES = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(PHRASES), st.integers(0, 99).map(str), st.sampled_from("CLRBW")),
        st.sampled_from(SEPARATORS),
    ),
    min_size=1,
    max_size=6,
).map(lambda pairs: "".join(word + separator for word, separator in pairs))
LONG_NAMES = st.lists(NAMES, min_size=5, max_size=40).map(" ".join)
NOTATIONS = (("Lt", "Rt"), ("left", "right"), ("L", "R"), ("(L)", "(R)"))


@dataclass(frozen=True)
class Answering:
    """A catalogue and what answers from it."""

    rows: tuple[CatalogueRow, ...]
    index: CatalogueIndex
    engine: LookupEngine


@pytest.fixture(scope="module")
def build(config: Configuration) -> Callable[[Sequence[CatalogueRow]], Answering]:
    def build_engine(rows: Sequence[CatalogueRow]) -> Answering:
        index = CatalogueIndex(rows, config.retrieval)
        engine = LookupEngine(index, config.judgement, config.retriever_top_k)
        return Answering(tuple(rows), index, engine)

    return build_engine


@pytest.fixture(scope="module")
def shipped(build: Callable[[Sequence[CatalogueRow]], Answering]) -> Answering:
    return build(load_catalogue(ROOT / "data/reference/NHS.json"))


@pytest.fixture(scope="module")
def shuffled(
    shipped: Answering, build: Callable[[Sequence[CatalogueRow]], Answering]
) -> tuple[Answering, Answering]:
    order = np.random.default_rng(11).permutation(len(shipped.rows))
    return build([shipped.rows[row] for row in order]), build(shipped.rows[::-1])


def ask(engine: LookupEngine, names: Sequence[str]) -> list[Answer]:
    return [
        answer
        for start in range(0, len(names), BATCH)
        for answer in engine.lookup_many([(name, "") for name in names[start : start + BATCH]])
    ]


def outcome(answer: Answer, index: CatalogueIndex) -> tuple[object, ...]:
    """Everything that is answered, free of positions in the catalogue and of the words asked."""
    return (
        answer.row,
        answer.runner_up,
        answer.status,
        answer.confidence,
        answer.departs,
        [index.rows[row] for row in answer.ranking.rows],
        answer.ranking.scores.tolist(),
    )


# Parsing the canonical text again changes nothing.


def test_the_canonical_text_of_every_row_parses_to_itself(shipped: Answering) -> None:
    texts = {text for row in shipped.rows for text in (row.preferred_name, row.fsn)}
    canonical = {text: parse(text).canonical for text in texts}
    assert [text for text in texts if parse(canonical[text]).canonical != canonical[text]] == []


@settings(max_examples=10 * EXAMPLES, deadline=None, derandomize=True)
@given(st.one_of(NAMES, NAMES.map(str.upper), LONG_NAMES, st.text(max_size=120)))
def test_the_canonical_text_of_generated_names_parses_to_itself(name: str) -> None:
    canonical = parse(name).canonical
    assert parse(canonical).canonical == canonical


# The answer does not depend on catalogue order, letter case or blanks.


def test_the_order_of_the_catalogue_does_not_matter(
    shipped: Answering, shuffled: tuple[Answering, Answering]
) -> None:
    names = [row.preferred_name for row in shipped.rows[::3]]
    names += [row.fsn for row in shipped.rows[::7]]
    names += [name.rsplit(" ", 1)[0] for name in names[::5]]
    names += ["knee", "CT", "left", "liver biopsy", "contrast", "", "zzz", "MR spine w/wo"]
    plain = [outcome(answer, shipped.index) for answer in ask(shipped.engine, names)]
    for other in shuffled:
        assert [outcome(answer, other.index) for answer in ask(other.engine, names)] == plain


@settings(max_examples=2 * EXAMPLES, deadline=None, derandomize=True)
@given(NAMES)
def test_the_order_of_the_catalogue_does_not_matter_to_generated_names(
    shipped: Answering, shuffled: tuple[Answering, Answering], name: str
) -> None:
    plain = outcome(shipped.engine.lookup(name), shipped.index)
    for other in shuffled:
        assert outcome(other.engine.lookup(name), other.index) == plain


def test_rows_that_share_name_and_key_rank_the_same_in_any_order(
    build: Callable[[Sequence[CatalogueRow]], Answering],
) -> None:
    rows = make_rows()
    twins = [
        rows[0]._replace(fsn="Computed tomography of head (procedure)", is_diagnostic=flag)
        for flag in (None, True, False)
    ]
    one, other = build([*rows, *twins]), build([*twins[::-1], *rows])
    for name in ("CT Head", "Computed tomography of head", "Brain"):
        assert outcome(one.engine.lookup(name), one.index) == outcome(
            other.engine.lookup(name), other.index
        )


REWRITINGS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "swapcase": str.swapcase,
    "blanks around": lambda name: f"  {name}   ",
    "blanks doubled": lambda name: name.replace(" ", "  "),
    "five blanks": lambda name: f"\t{name.replace(' ', '     ')}\n",
    "tabs": lambda name: name.replace(" ", " \t "),
}


@pytest.mark.parametrize("rewriting", sorted(REWRITINGS))
def test_letter_case_and_blanks_do_not_matter(rewriting: str, shipped: Answering) -> None:
    names = [row.preferred_name for row in shipped.rows[::4]]
    names += [row.fsn for row in shipped.rows[::9]]
    plain = ask(shipped.engine, names)
    rewritten = ask(shipped.engine, [REWRITINGS[rewriting](name) for name in names])
    for name, first, second in zip(names, plain, rewritten, strict=True):
        assert outcome(first, shipped.index) == outcome(second, shipped.index), name


@settings(max_examples=3 * EXAMPLES, deadline=None, derandomize=True)
@given(NAMES)
@example("CT head + / - contrast")
@example("MRI L4 / 5")
@example("CT head C +")
@example("CT head C -")
@example("CT w / o contrast head")
@example("Rt / Lt knee XR 2 / 3 views")
def test_letter_case_and_blanks_do_not_matter_to_generated_names(
    shipped: Answering, name: str
) -> None:
    plain = outcome(shipped.engine.lookup(name), shipped.index)
    for rewrite in REWRITINGS.values():
        rewritten = shipped.engine.lookup(rewrite(name))
        assert outcome(rewritten, shipped.index) == plain, rewrite(name)


@pytest.mark.parametrize("n_blanks", [2, 100, 399, 400, 5000])
def test_any_number_of_blanks_is_one_blank(n_blanks: int, shipped: Answering) -> None:
    blanks = " " * n_blanks
    plain = outcome(shipped.engine.lookup("XR Knee Lt"), shipped.index)
    for name in ("XR Knee Lt" + blanks, blanks + "XR Knee Lt", f"XR{blanks}Knee{blanks}Lt"):
        assert outcome(shipped.engine.lookup(name), shipped.index) == plain


# Swapping left and right swaps the side of the answer.


class Pair(NamedTuple):
    """The left and the right row of one sided exam, and its name without the side."""

    stem: str
    left: CatalogueRow
    right: CatalogueRow


@pytest.fixture(scope="module")
def pairs(shipped: Answering) -> list[Pair]:
    by_name = {row.preferred_name: row for row in shipped.rows}
    stems = [name.removesuffix(" Lt") for name in by_name if name.endswith(" Lt")]
    found = [
        Pair(stem, by_name[f"{stem} Lt"], by_name[f"{stem} Rt"])
        for stem in stems
        if f"{stem} Rt" in by_name
    ]
    assert len(found) > 600
    return found


def _at_end(stem: str, side: str) -> str:
    return f"{stem} {side}"


def _at_front(stem: str, side: str) -> str:
    return f"{side} {stem}"


def _second(stem: str, side: str) -> str:
    first, *others = stem.split(" ")
    return " ".join([first, side, *others])


SIDES_APART = 0.05  # of confidence: the letters of "left" and "right" are not alike


def _are_decided_alike(first: Answer, second: Answer, threshold: float) -> bool:
    """Tell whether two answers have the same status, but for a threshold that lies between."""
    low, high = sorted((first.confidence, second.confidence))
    is_near = high - low <= SIDES_APART
    return is_near and (first.status is second.status or low < threshold <= high)


@pytest.mark.parametrize(("left", "right"), NOTATIONS)
@pytest.mark.parametrize("place", [_at_end, _at_front, _second])
def test_swapping_left_and_right_swaps_the_side_of_the_answer(
    place: Callable[[str, str], str],
    left: str,
    right: str,
    pairs: list[Pair],
    shipped: Answering,
    config: Configuration,
) -> None:
    threshold = config.calibration.accept_threshold
    assert threshold is not None
    mirrored = {pair.left: pair.right for pair in pairs}
    to_left = ask(shipped.engine, [place(pair.stem, left) for pair in pairs])
    to_right = ask(shipped.engine, [place(pair.stem, right) for pair in pairs])
    wrong = [
        (place(pair.stem, left), first.row, second.row)
        for pair, first, second in zip(pairs, to_left, to_right, strict=True)
        if first.row is None
        or mirrored.get(first.row) != second.row
        or not _are_decided_alike(first, second, threshold)
    ]
    assert wrong == []


def test_swapping_both_sides_changes_nothing(pairs: list[Pair], shipped: Answering) -> None:
    one = ask(shipped.engine, [f"{pair.stem} left and right" for pair in pairs])
    other = ask(shipped.engine, [f"{pair.stem} right and left" for pair in pairs])
    for first, second in zip(one, other, strict=True):
        assert (first.row, first.status) == (second.row, second.status)
        assert first.query.parsed.laterality is Laterality.BILATERAL


# Every row is found by its own names.


SIDE_OF_FSN = {
    "": "none",
    "Left (qualifier value)": "left",
    "Right (qualifier value)": "right",
    "Right and left (qualifier value)": "bilateral",
}


def _has_other_side(row: CatalogueRow, found: CatalogueRow) -> bool:
    sides = {SIDE_OF_FSN[row.laterality_fsn], SIDE_OF_FSN[found.laterality_fsn]}
    return len(sides - {"none"}) > 1


def _has_other_modality(answer: Answer, row: CatalogueRow, truth: RowTruth) -> bool:
    """Whether the name states a modality and the answer is truly of another than the row."""
    assert answer.row is not None
    return bool(answer.query.modalities) and truth.modality_of(
        answer.row.preferred_name
    ) != truth.modality_of(row.preferred_name)


@pytest.fixture(scope="module")
def truth(shipped: Answering, config: Configuration) -> RowTruth:
    found = RowTruth(shipped.rows, shipped.index.slots, config.data.slots)
    assert found.source == "slots.json"
    return found


def test_every_preferred_name_finds_its_row(shipped: Answering, truth: RowTruth) -> None:
    answers = ask(shipped.engine, [row.preferred_name for row in shipped.rows])
    _check_own_names(answers, shipped.rows, truth)
    n_own = sum(answer.row == row for answer, row in zip(answers, shipped.rows, strict=True))
    assert n_own / len(shipped.rows) >= LEAST_SHARE_OF_OWN_NAMES


def test_every_fsn_with_its_side_finds_a_row(shipped: Answering, truth: RowTruth) -> None:
    names = [f"{row.fsn} {SIDE_OF_FSN[row.laterality_fsn]}" for row in shipped.rows]
    names = [name.removesuffix(" none") for name in names]
    _check_own_names(ask(shipped.engine, names), shipped.rows, truth)


def _check_own_names(
    answers: Sequence[Answer], rows: Sequence[CatalogueRow], truth: RowTruth
) -> None:
    asked = list(zip(answers, rows, strict=True))
    assert [row for answer, row in asked if answer.row is None] == []
    wrong = [
        (answer.query.parsed.text, answer.row.preferred_name)
        for answer, row in asked
        if answer.row
        and (_has_other_side(row, answer.row) or _has_other_modality(answer, row, truth))
    ]
    assert wrong == []


# No text crashes the engine, and each answer keeps its promises.


BLOCKS = (
    (0x0000, 0x001F),  # control characters
    (0x007F, 0x009F),
    (0x0300, 0x036F),  # combining marks
    (0x0590, 0x06FF),  # Hebrew and Arabic
    (0x0900, 0x097F),  # Devanagari with its digits
    (0x2000, 0x206F),  # blanks, joiners and marks of direction
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x2150, 0x218F),  # fractions and Roman numerals
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xE000, 0xE0FF),  # private use
    (0xFDF0, 0xFDFF),  # one character that folds to many
    (0xFE00, 0xFE0F),
    (0xFF00, 0xFFEF),  # full width
    (0x1D400, 0x1D7FF),  # letters and digits of mathematics
    (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF),
    (0xE0000, 0xE007F),  # tags
    (0x10FF00, 0x10FFFF),
)
SURROGATES = range(0xD800, 0xE000)
CODES = (
    "", "", "", "CT", "MR", "us", "CR", "DX", "NM", "XA", "OT", "PT+CT", "??", "ct/sr", "\x00",
)  # fmt: skip
FUZZ_SEPARATORS = (*SEPARATORS, "", "", "  ", "\t", "\u00a0", "\u200b", "+", "+/-", "\u00b1", "'")


class Fuzzer:
    """Seeded names of any length and script."""

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self._names = names
        self._rng = np.random.default_rng(seed)

    def questions(self, n_questions: int) -> Iterator[list[tuple[str, str]]]:
        """Yield batches of exam names with codes."""
        for start in range(0, n_questions, BATCH):
            n_batch = min(BATCH, n_questions - start)
            yield [(self.name(), self._one_of(CODES)) for _ in range(n_batch)]

    def name(self) -> str:
        """Return one name, of a random kind."""
        kind = self._rng.random()
        if kind < 0.20:
            return self._any_text(self._length(80))
        if kind < 0.40:
            return self._of_blocks(self._length(60))
        if kind < 0.70:
            return self._of_vocabulary(self._length(9))
        if kind < 0.99:
            return self._mangled(self._one_of(self._names))
        return self._run()

    def _one_of(self, options: Sequence[str]) -> str:
        return options[int(self._rng.integers(len(options)))]

    def _length(self, longest: int) -> int:
        return int(self._rng.integers(longest + 1))

    def _any_text(self, length: int) -> str:
        points = self._rng.integers(0x110000, size=length).tolist()
        return "".join(chr(point) for point in points if point not in SURROGATES)

    def _of_blocks(self, length: int) -> str:
        """Return characters of the blocks that are hard to handle, between known words."""
        parts: list[str] = []
        for block in self._rng.integers(len(BLOCKS), size=length).tolist():
            first, last = BLOCKS[block]
            parts.append(chr(int(self._rng.integers(first, last + 1))))
            if self._rng.random() < 0.1:
                parts.append(self._one_of(PHRASES))
        return "".join(parts)

    def _of_vocabulary(self, n_words: int) -> str:
        parts: list[str] = []
        for _ in range(n_words):
            is_number = self._rng.random() < 0.15
            parts.append(str(self._length(150)) if is_number else self._one_of(PHRASES))
            parts.append(self._one_of(FUZZ_SEPARATORS))
        return "".join(parts)

    def _mangled(self, name: str) -> str:
        """Return a catalogue name with a few characters dropped, doubled, put in or swapped."""
        letters = list(name)
        for _ in range(self._length(4)):
            position = int(self._rng.integers(len(letters)))
            edit = self._length(3)
            if edit == 0 and len(letters) > 1:
                del letters[position]
            elif edit == 1:
                letters[position] *= 2
            elif edit == 2:
                letters.insert(position, self._any_text(1))
            else:
                letters[position], letters[-1] = letters[-1], letters[position]
        return "".join(letters)

    def _run(self) -> str:
        unit = self._any_text(1) if self._rng.random() < 0.5 else self._of_vocabulary(2)
        return unit * int(self._rng.integers(1, 4000))


def check_promises(answer: Answer, index: CatalogueIndex) -> None:
    query, ranking = answer.query, answer.ranking
    assert 0.0 <= answer.confidence <= 1.0
    assert np.isfinite(ranking.scores).all()
    assert (np.diff(ranking.scores) <= 0).all()
    assert not vetoed(query, index)[ranking.rows].any()
    if answer.status in {Status.NON_CLINICAL, Status.NO_MATCH}:
        assert answer.row is None
        assert answer.runner_up is None
        return
    assert answer.row == index.rows[ranking.rows[0]]
    row = index.slots[ranking.rows[0]]
    assert {row.laterality, query.parsed.laterality} != {Laterality.LEFT, Laterality.RIGHT}
    fitting = query.modalities | ({Modality.FL} if query.is_department else frozenset())
    assert not row.modalities or not fitting or row.modalities & fitting
    if answer.status is Status.MATCH:
        assert not answer.departs
        assert row.laterality is Laterality.NONE or query.parsed.laterality is not Laterality.NONE
        is_own_name = row.name.canonical == query.parsed.canonical
        is_stated = query.parsed.contrast is not Contrast.NONE
        assert row.contrast not in GIVES_CONTRAST or is_stated or is_own_name
        assert not row.modalities or query.modalities
        named, stated = stated_groups(query.parsed.context), stated_groups(row.context)
        assert all(stated[group] <= named[group] for group in stated)
    else:
        assert answer.reasons
        assert 1 <= len(answer.offered) <= 5
        assert answer.offered[0] == answer.row
        assert answer.offered_probability >= answer.confidence


@pytest.mark.parametrize(
    ("n_of_small", "n_of_shipped"),
    [
        (4_000, 1_000),
        pytest.param(95_000, 5_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_no_name_crashes_the_engine_and_each_answer_keeps_its_promises(
    n_of_small: int,
    n_of_shipped: int,
    shipped: Answering,
    build: Callable[[Sequence[CatalogueRow]], Answering],
) -> None:
    small = build(make_rows())
    statuses: Counter[Status] = Counter()
    for catalogue, n_names, seed in (
        (small, n_of_small, 1),
        (shipped, n_of_shipped, 2),
    ):
        fuzzer = Fuzzer([row.preferred_name for row in catalogue.rows], seed)
        for questions in fuzzer.questions(n_names):
            for question, answer in zip(
                questions, catalogue.engine.lookup_many(questions), strict=True
            ):
                try:
                    check_promises(answer, catalogue.index)
                except AssertionError:
                    pytest.fail(f"broken for {question!r:.300}: {answer.status}, {answer.row}")
                statuses[answer.status] += 1
    assert statuses.total() == n_of_small + n_of_shipped
    assert min(statuses[status] for status in Status) > 100, statuses


# A large catalogue.


FLAGS = {True: "Y", False: "N", None: ""}


def _record(row: CatalogueRow) -> dict[str, str]:
    return {
        "snomed_concept_id": row.concept_id,
        "snomed_fsn": row.fsn,
        "snomed_laterality_concept_id": row.laterality_concept_id,
        "snomed_laterality_fsn": row.laterality_fsn,
        "is_diagnostic": FLAGS[row.is_diagnostic],
        "is_interventional": FLAGS[row.is_interventional],
        "primary_source_name": row.preferred_name,
    }


def test_a_catalogue_of_5000_rows_imports_and_answers(
    tmp_path: Path, shipped: Answering, build: Callable[[Sequence[CatalogueRow]], Answering]
) -> None:
    rows = repeated(shipped.rows, N_ROWS)
    path = tmp_path / "large.json"
    path.write_text(json.dumps([_record(row) for row in rows]), "utf-8")
    large = build(load_catalogue(path))
    assert len(large.index) == N_ROWS == 5000
    assert large.rows == tuple(rows)
    asked = rows[::5]
    for answer, row in zip(
        ask(large.engine, [row.preferred_name for row in asked]), asked, strict=True
    ):
        check_promises(answer, large.index)
        assert answer.row is not None, row
        assert not _has_other_side(row, answer.row), (row, answer.row)
