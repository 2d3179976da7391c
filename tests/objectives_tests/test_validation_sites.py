from __future__ import annotations

import pytest

from objectives.training.metrics import choose_validation_sites

SITES = ("A", "B", "C", "D", "E", "F", "G")


@pytest.mark.parametrize(
    ("n_sites", "share", "n_chosen"),
    [(7, 0.0, 0), (7, 0.1, 1), (7, 0.01, 1), (7, 0.5, 4), (7, 0.99, 6), (1, 0.5, 0), (0, 0.5, 0)],
)
def test_a_share_of_the_sites_is_chosen_but_never_all(
    n_sites: int, share: float, n_chosen: int
) -> None:
    chosen = choose_validation_sites(SITES[:n_sites], share, 1)
    assert len(chosen) == len(set(chosen)) == n_chosen
    assert set(chosen) <= set(SITES)


def test_the_choice_depends_on_the_seed_and_on_nothing_else() -> None:
    chosen = [choose_validation_sites(SITES, 0.3, seed) for seed in range(20)]
    assert chosen == [choose_validation_sites(SITES[::-1], 0.3, seed) for seed in range(20)]
    assert len(set(chosen)) > 5
