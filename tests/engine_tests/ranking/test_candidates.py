"""Rows are found once for names that are read alike, and no name notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.ranking import candidates as module
from engine.ranking.candidates import Candidates, Retriever
from engine.ranking.departures import Departure
from engine.ranking.weights import N_FEATURES, Feature
from engine.reading.query import make_query

if TYPE_CHECKING:
    from engine.catalogue.index import CatalogueIndex

NAMES = ("CT HEAD", "Head CT", "ct brain", "CT abdomen wi", "L knee", "CT head", "Knee, left")


def ask(retriever: Retriever, index: CatalogueIndex, name: str) -> Candidates:
    return retriever.candidates(make_query(name), np.zeros(len(index)))


def same(one: Candidates, other: Candidates) -> bool:
    return (
        np.array_equal(one.rows, other.rows)
        and np.array_equal(one.features, other.features)
        and np.array_equal(one.departs, other.departs)
    )


@pytest.mark.parametrize("n_kept", [0, 1, 2, 100])
def test_each_name_gets_what_it_gets_alone(
    n_kept: int, index: CatalogueIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT_BYTES", n_kept * 7 * N_FEATURES * 4)
    retriever = Retriever(index, 7)
    for name in (*NAMES, *reversed(NAMES)):
        assert same(ask(retriever, index, name), ask(Retriever(index, 7), index, name)), name


def test_names_that_are_read_alike_share_their_rows_but_not_their_words(
    index: CatalogueIndex,
) -> None:
    retriever = Retriever(index, 7)
    one, other = ask(retriever, index, "CT CRANIUM"), ask(retriever, index, "CT head")
    assert one.rows is other.rows
    text = Feature.SEMANTIC
    assert not np.array_equal(one.features[:, text], other.features[:, text])
    assert np.array_equal(np.delete(one.features, text, 1), np.delete(other.features, text, 1))


def test_contrast_that_is_cut_is_not_read_as_contrast_that_is_whole(index: CatalogueIndex) -> None:
    retriever = Retriever(index, len(index))
    whole = ask(retriever, index, "CT head with contrast")
    cut = ask(retriever, index, "CT head wi")
    enhanced = [row.preferred_name for row in index.rows].index("CT Head with contrast")
    assert not whole.departs[whole.rows == enhanced] & Departure.CONTRAST
    assert cut.departs[cut.rows == enhanced] & Departure.CONTRAST


def test_what_is_kept_does_not_change_with_what_was_given(index: CatalogueIndex) -> None:
    retriever = Retriever(index, 7)
    first = ask(retriever, index, "CT head")
    kept = first.features.copy()
    first.features[:] = -1
    assert np.array_equal(ask(retriever, index, "CT head").features, kept)
