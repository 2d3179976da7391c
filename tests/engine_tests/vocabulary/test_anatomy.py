from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.vocabulary.anatomy import anatomy_similarity, closeness, covers, hierarchy

TERMS = st.sampled_from(sorted(hierarchy().above))
SETS = st.frozensets(TERMS, max_size=4)


@pytest.mark.parametrize(
    ("whole", "part", "expected"),
    [
        ("lower limb", "knee", True),
        ("knee", "lower limb", False),
        ("urinary tract", "kidney", True),
        ("artery", "superficial femoral artery", True),
        ("thorax", "abdomen", False),
        ("head", "head", True),
        ("head", "no such term", False),
    ],
)
def test_covers(whole: str, part: str, *, expected: bool) -> None:
    assert covers(whole, part) is expected


def test_a_row_that_covers_beats_a_row_that_is_a_part_beats_a_sibling() -> None:
    equal = closeness("knee", "knee")
    covering = closeness("knee", "lower limb")
    part = closeness("lower limb", "knee")
    sibling = closeness("knee", "ankle")
    assert equal == 1.0 > covering > part > sibling > 0.0 == closeness("knee", "liver")


@pytest.mark.parametrize(
    ("term", "rows"),
    [
        ("patella", ["patella", "knee", "lower limb", "ankle"]),
        ("knee", ["knee", "lower limb", "patella", "hip"]),
        ("facial bone", ["facial bone", "face", "head", "orbit"]),
        ("internal auditory meatus", ["internal auditory meatus", "head", "neck"]),
        ("head", ["head", "skull", "skull base", "neck"]),
        ("lumbar spine", ["lumbar spine", "thoracolumbar spine", "thoracic spine", "hip"]),
        ("lumbosacral spine", ["lumbosacral spine", "lumbar spine", "spine", "hip"]),
        ("lumbar spine", ["lumbar spine", "lumbosacral spine", "spine", "thoracic spine"]),
        ("biliary tract", ["biliary tract", "bile duct", "abdomen", "kidney"]),
        ("uterus", ["uterus", "female pelvis", "ovary", "bladder"]),
        ("scaphoid", ["scaphoid", "wrist", "upper limb", "elbow"]),
        ("internal carotid artery", ["internal carotid artery", "carotid artery", "artery"]),
    ],
)
def test_the_order_in_which_a_radiographer_would_take_rows(term: str, rows: list[str]) -> None:
    order = [closeness(term, row) for row in rows]
    assert order == sorted(order, reverse=True)
    assert order[0] == 1.0 > order[1]
    assert order[-1] < order[1]


def test_members_of_a_bare_kind_are_no_siblings() -> None:
    assert closeness("cerebral artery", "uterine artery") == 0.0


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        (frozenset(), frozenset(), 1.0),
        (frozenset({"knee"}), frozenset({"knee"}), 1.0),
        (frozenset({"knee"}), frozenset({"liver"}), 0.0),
        (frozenset({"thorax", "abdomen"}), frozenset({"thorax"}), 85 / 128),
    ],
)
def test_similarity(name: frozenset[str], row: frozenset[str], expected: float) -> None:
    assert anatomy_similarity(name, row) == expected


def test_one_empty_side_is_a_small_constant() -> None:
    knee = frozenset({"knee"})
    assert 0 < anatomy_similarity(knee, frozenset()) == anatomy_similarity(frozenset(), knee) < 0.2


@given(SETS, SETS)
def test_similarity_is_on_the_grid_and_one_for_equal_sets(
    name: frozenset[str], row: frozenset[str]
) -> None:
    similarity = anatomy_similarity(name, row)
    assert 0.0 <= similarity <= 1.0
    assert similarity * 128 == int(similarity * 128)
    assert anatomy_similarity(name, name) == 1.0


@given(TERMS, TERMS)
def test_no_two_terms_cover_each_other(first: str, second: str) -> None:
    assert first == second or not (covers(first, second) and covers(second, first))
