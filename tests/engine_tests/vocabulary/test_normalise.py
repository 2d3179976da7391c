from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.vocabulary.normalise import tokenise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CT Thorax & abdo", ["ct", "thorax", "and", "abdo"]),
        ("C1-C3", ["c", "1", "c", "3"]),
        ("CT head C+", ["ct", "head", "c", "+"]),
        ("MRI IAM C-", ["mri", "iam", "c", "-"]),
        ("CT head -C", ["ct", "head", "-", "c"]),
        ("CT chest-C", ["ct", "chest", "-", "c"]),
        ("XR spine-C", ["xr", "spine", "c"]),
        ("XR C-spine", ["xr", "c", "spine"]),
        ("CT +/- C", ["ct", "+/-", "c"]),
        ("CT ± contrast", ["ct", "+/-", "contrast"]),
        ("Head^1_Head", ["head", "1", "head"]),
        ("Tc99m", ["tc", "99", "m"]),
        ("2.5mm", ["2.5", "mm"]),
        ("Baker's cyst", ["bakers", "cyst"]),
        ("Angiocardiografía", ["angiocardiografia"]),
        ("\uff23\uff34 \uff28\uff45\uff41\uff44", ["ct", "head"]),
        ("", []),
        ("^^ //", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokenise(text)] == expected


def test_a_token_knows_where_it_stands_and_what_is_before_it() -> None:
    head = tokenise("CT^Head")[1]
    assert (head.start, head.end, head.gap) == (3, 7, "^")


@given(st.text(max_size=60))
def test_spans_are_ordered_and_inside_the_text(text: str) -> None:
    end = 0
    for token in tokenise(text):
        assert 0 <= token.start < token.end <= len(text)
        assert token.start >= end - 1  # one character may unfold to two tokens
        end = token.end
