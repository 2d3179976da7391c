from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from objectives.weight_effects import Better, Span, WeightEffect
from studies.importance import importances
from studies.storage.database import open_storage
from studies.weight_report import sentence
from support.errors import StudyError

if TYPE_CHECKING:
    from pathlib import Path

EFFECT = WeightEffect(
    name="anatomy_weight",
    value=0.36,
    reach=Span(0.0, 1.0),
    equal=Span(0.355, 0.362),
    within_noise=Span(0.31, 0.44),
    as_safe=Span(0.0, 1.0),
    lost_without=0.121,
    noise_without=0.004,
    critical_without={},
    best=None,
    has_effect=True,
)
MOVES = "anatomy_weight 0.360: anything from 0.310 to 0.440 is as good"
STAYS = (
    "anatomy_weight 0.360: nothing changes measurably between 0.000 and 1.000, and without it "
    "nothing is lost: "
)
IDLE = EFFECT._replace(
    has_effect=False, lost_without=0.0, noise_without=0.0, within_noise=Span(0.0, 1.0)
)


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (EFFECT, f"{MOVES}; without it 12.10 points are lost."),
        (
            EFFECT._replace(lost_without=0.003),
            f"{MOVES}; without it nothing is lost measurably.",
        ),
        (EFFECT._replace(lost_without=-0.02), f"{MOVES}; without it 2.00 points are won."),
        (
            EFFECT._replace(critical_without={"side": 2, "contrast": -1}),
            f"{MOVES}; without it 12.10 points are lost (critical errors: side +2, contrast -1).",
        ),
        (
            EFFECT._replace(best=Better(0.5, 0.012), as_safe=Span(0.34, 0.4)),
            f"{MOVES}, 0.500 is better by 1.20 points; more critical errors below 0.340 and above "
            "0.400; without it 12.10 points are lost.",
        ),
        (IDLE, f"{STAYS}it has no effect here."),
        (
            IDLE._replace(as_safe=Span(0.2, 1.0)),
            f"{STAYS}it has no effect on the objective, but more critical errors below 0.200.",
        ),
    ],
)
def test_a_weight_in_words(effect: WeightEffect, words: str) -> None:
    assert sentence(effect) == words


def study_of(url: str, n_complete: int, *, is_flat: bool = False) -> None:
    """Record trials of which only ``a`` matters, and as many that were pruned."""
    study = optuna.create_study(
        storage=open_storage(url), study_name="tried", direction="maximize"
    )
    ranges: dict[str, BaseDistribution] = {
        "a": FloatDistribution(0.0, 1.0),
        "b": FloatDistribution(0.0, 1.0),
    }
    for number in range(n_complete):
        a, b = number / n_complete, number * 7 % n_complete / n_complete
        for state in (TrialState.COMPLETE, TrialState.PRUNED):
            value = 0.5 if is_flat else a
            study.add_trial(
                create_trial(
                    state=state, value=value, params={"a": a, "b": b}, distributions=ranges
                )
            )


def test_the_weight_that_matters_is_the_more_important(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    study_of(url, 40)
    found = importances(url, "tried", 42, must_exist=True)
    assert found is not None
    assert (found.study_name, found.n_complete) == ("tried", 40)
    for shares in (found.ped_anova, found.fanova):
        assert sum(shares.values()) == pytest.approx(1.0)
        assert shares["a"] > 0.8
    assert importances(url, "tried", 42, must_exist=False) == found


def test_a_study_that_must_exist_does(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    url = f"sqlite:///{path}"
    with pytest.raises(StudyError, match="no study 'tried'; there are: none"):
        importances(url, "tried", 42, must_exist=True)
    assert importances(url, "tried", 42, must_exist=False) is None
    assert not path.exists()
    study_of(url, 3)
    assert importances(url, "other", 42, must_exist=False) is None
    with pytest.raises(StudyError, match="no study 'other'; there are: tried"):
        importances(url, "other", 42, must_exist=True)
    with pytest.raises(StudyError, match="importance needs 10 complete trials"):
        importances(url, "tried", 42, must_exist=True)
    assert importances(url, "tried", 42, must_exist=False) is None


def test_trials_of_one_value_say_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    study_of(url, 12, is_flat=True)
    assert importances(url, "tried", 42, must_exist=False) is None


def test_a_url_that_is_none_is_a_mistake_in_one_line() -> None:
    with pytest.raises(StudyError, match="no storage URL that can be opened"):
        importances("nonsense", "tried", 42, must_exist=False)
