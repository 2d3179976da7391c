from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.coefficients import coefficient_rays, effective_coefficients
from engine.ranking.weights import N_FEATURES
from objectives.bank.trial_bank import Part, TrialBank, _winning_codes, winnable
from objectives.workspace import Workspace
from tests.conftest import cases_of_each_site, random_features, random_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank

N_VECTORS = 1000


@pytest.fixture(scope="module")
def vectors(config: Configuration) -> NDArray[np.float32]:
    weights = random_weights(config, N_VECTORS)
    return np.array([effective_coefficients(one) for one in weights])


@pytest.fixture(scope="module")
def shipped(config: Configuration) -> LabelledBank:
    """Cases of every shipped site, some without a candidate."""
    workspace = Workspace(config)
    return workspace.bank(cases_of_each_site(workspace, 150, open_test_sites=True))


def test_coefficients_are_sums_of_rays_none_negative(vectors: NDArray[np.float32]) -> None:
    """Solved from outside in: each ray but the four of contrast has a feature of its own."""
    rays = coefficient_rays()
    alone = rays[:-4]
    assert np.all(vectors @ alone.T >= 0)
    match, mismatch, null = vectors[:, 3], vectors[:, 4], vectors[:, 5]
    assert np.all((match >= mismatch) & (match >= null) & (mismatch >= 0) & (null >= 0))
    # The pyramid over the unit square is spanned by its four edges.
    assert {tuple(ray[3:6]) for ray in rays[-4:]} == {(1, a, b) for a in (0, 1) for b in (0, 1)}
    assert np.all(rays[-4:][:, [*range(3), *range(6, N_FEATURES)]] == 0)


def positions_won(labelled: LabelledBank, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the place of each case's winner, found by a trial bank: its label is its place."""
    n_cases, top_k = labelled.labels.codes.shape
    places = np.tile(np.arange(top_k, dtype=np.uint8), (n_cases, 1))
    marked = labelled._replace(labels=labelled.labels._replace(codes=places))
    each = np.arange(n_cases)  # a group of its own
    bank = TrialBank.of([Part(marked, each, each % 3)], n_cases, 3)
    won = np.full((n_cases, len(vectors)), 255, dtype=np.uint8)
    for number, segment in enumerate(bank.segments):
        cases = np.concatenate([block.groups for block in segment])
        assert np.array_equal(np.sort(cases), np.flatnonzero(each % 3 == number))
        for block in segment:
            for here, codes in _winning_codes(block, vectors):
                won[block.groups[here]] = codes
    return won


def test_every_case_has_the_same_winner_for_a_thousand_random_weights(
    shipped: LabelledBank, vectors: NDArray[np.float32]
) -> None:
    """Against the full bank, which equals one name at a time (test_bank)."""
    won = positions_won(shipped, vectors)
    features = shipped.facts().features
    for number, vector in enumerate(vectors):
        assert np.array_equal(won[:, number], np.argmax(features @ vector, axis=1)), number


def test_one_vector_alone_gives_what_it_gives_among_many(
    shipped: LabelledBank, vectors: NDArray[np.float32]
) -> None:
    many = positions_won(shipped, vectors[:20])
    for number in range(20):
        alone = positions_won(shipped, vectors[number : number + 1])
        assert np.array_equal(alone[:, 0], many[:, number])


def test_most_candidates_can_never_win(shipped: LabelledBank) -> None:
    can_win = winnable(shipped.facts().features)
    assert can_win[:, 0].all()
    assert can_win.sum() < can_win.size / 3


@given(st.integers(0, 2**32 - 1))
def test_no_winner_is_left_out_however_features_lie(config: Configuration, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = random_features(rng, 40, 9)
    features = np.where(rng.random(features.shape) < 0.7, 0, features).astype(np.float32)
    can_win = winnable(features)
    for weights in random_weights(config, 5, seed):
        winners = np.argmax(features @ effective_coefficients(weights), axis=1)
        assert can_win[np.arange(len(winners)), winners].all()


def test_a_tally_counts_by_group_kind_and_vector(
    make_bank: MakeBank, vectors: NDArray[np.float32]
) -> None:
    labelled = make_bank(500, ("A", "B"))
    groups = np.array([case.site == "B" for case in labelled.cases], dtype=np.intp)
    bank = TrialBank.of([Part(labelled, groups, np.zeros(500, dtype=np.intp))], 2, 1)
    tally = bank.tally(0, vectors[:300])
    assert bank.summary.n_cases.tolist() == [[250, 250]]
    features, labels = labelled.facts().features, labelled.labels
    for number, vector in enumerate(vectors[:300]):
        winners = np.argmax(features @ vector, axis=1)
        right = labels.is_gold[np.arange(500), winners]
        danger = labels.critical[np.arange(500), winners]
        assert tally.correct[number].tolist() == [
            right[groups == 0].sum(),
            right[groups == 1].sum(),
        ]
        assert tally.critical[number] == danger.any(axis=1).sum()
        assert tally.critical_by_kind[number].tolist() == danger.sum(axis=0).tolist()
