"""The n-gram index beside scikit-learn, which it must equal but for rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.catalogue import ngrams
from engine.catalogue.ngrams import NgramIndex, build_postings
from engine.reading.parse import parse
from exchange.catalogues.nhs_json import load_catalogue
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTERS = st.sampled_from("abct1 \t\u00a0\u0130\u00df\u0000")
TEXTS = st.one_of(st.text(LETTERS, max_size=12), st.text(max_size=12))
RANGES = st.tuples(st.integers(1, 8), st.integers(1, 8)).map(lambda pair: (min(pair), max(pair)))


def check_equality(
    texts: Sequence[str], asked: Sequence[str], ngram_range: tuple[int, int]
) -> None:
    reference = TfidfVectorizer(analyzer="char_wb", ngram_range=ngram_range, dtype=np.float32)
    by_text = reference.fit_transform(texts)
    postings = build_postings(texts, ngram_range)
    assert list(postings.ngrams) == reference.get_feature_names_out().tolist()
    assert postings.idf.dtype == reference.idf_.dtype
    assert np.array_equal(postings.idf, reference.idf_)
    # the same float32 weights, summed in float64: scikit-learn's own sums are off by up to 1e-6
    weights = reference.transform(asked).astype(np.float64)
    expected = (weights @ by_text.T.tocsr().astype(np.float64)).toarray()
    index = NgramIndex(postings, ngram_range)
    for text, cosines in zip(asked, expected, strict=True):
        found = index.cosines(text)
        assert found.dtype == by_text.dtype
        np.testing.assert_allclose(found, cosines, rtol=0, atol=5e-7, err_msg=repr(text))


@given(st.lists(TEXTS, min_size=1, max_size=12), st.lists(TEXTS, min_size=1, max_size=4), RANGES)
@example(["ct head", "ct head", "ct"], ["ct  head", "head\tct", "", "xyz"], (2, 4))
@example(["a b", "ab"], ["a b"], (4, 8))
def test_made_up_texts_give_what_scikit_learn_gives(
    texts: list[str], asked: list[str], ngram_range: tuple[int, int]
) -> None:
    assume(any(text.split() for text in texts))
    check_equality(texts, asked, ngram_range)


@pytest.mark.parametrize("ngram_range", [(2, 4), (1, 3), (3, 8)])
def test_the_shipped_catalogue_gives_what_scikit_learn_gives(ngram_range: tuple[int, int]) -> None:
    rows = load_catalogue(ROOT / "data/reference/NHS.json")
    texts = [parse(row.preferred_name).canonical for row in rows]
    texts += [parse(row.fsn).canonical for row in rows]
    asked = [text.rsplit(" ", 1)[0] for text in texts[::7]] + texts[::11]
    check_equality(texts, asked, ngram_range)


def test_texts_without_a_word_are_like_nothing() -> None:
    postings = build_postings(["", " "], (2, 4))
    assert postings.ngrams == ()
    assert NgramIndex(postings, (2, 4)).cosines("ct head").tolist() == [0.0, 0.0]
    assert NgramIndex(build_postings([], (2, 4)), (2, 4)).cosines("ct head").tolist() == []


def test_cosines_depend_neither_on_what_was_asked_before_nor_on_the_order_of_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["ct head", "head ct", "xr knee left", "left xr knee knee", "mri knee", "ct ct head"]
    postings = build_postings(texts, (2, 4))
    alone = [NgramIndex(postings, (2, 4)).cosines(text) for text in texts]
    assert np.array_equal(alone[0], alone[1])
    for n_kept in (0, 1, 2, 100):
        monkeypatch.setattr(ngrams, "_KEPT_BYTES", n_kept * len(texts) * 4)
        index = NgramIndex(postings, (2, 4))
        for text, expected in [*zip(texts, alone, strict=True)] * 2:
            assert np.array_equal(index.cosines(text), expected)
