from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.slot_sets import AnatomySets, SlotSets
from engine.vocabulary.anatomy import anatomy_similarity, covers

ANATOMY = (
    "head", "neck", "thorax", "lung", "abdomen", "pelvis", "liver", "knee", "patella", "hip",
)  # fmt: skip
terms = st.frozensets(st.sampled_from(ANATOMY), max_size=4)
sets = st.lists(terms, min_size=1, max_size=12)


@given(sets, terms)
def test_anatomy_of_all_rows_at_once_equals_one_by_one(
    rows: list[frozenset[str]], asked: frozenset[str]
) -> None:
    similarity, additions = AnatomySets(rows).compare(asked, np.arange(len(rows)))
    assert similarity.tolist() == [anatomy_similarity(asked, row) for row in rows]
    assert additions.tolist() == [
        sum(not any(term == own or covers(term, own) for own in asked) for term in row)
        for row in rows
    ]


@given(sets, terms)
def test_overlap_and_additions_equal_set_arithmetic(
    rows: list[frozenset[str]], asked: frozenset[str]
) -> None:
    slot, everywhere = SlotSets(rows), np.arange(len(rows))
    for similar, row in zip(slot.overlap(asked, everywhere), rows, strict=True):
        whole = len(row) + len(asked)
        dice = 2 * len(row & asked) / whole if whole else 1.0
        assert similar == np.floor(dice * 128 + 0.5) / 128
    assert slot.additions(asked, everywhere).tolist() == [len(row - asked) for row in rows]
    assert slot.disjoint(asked).tolist() == [
        bool(row) and bool(asked) and not row & asked for row in rows
    ]
