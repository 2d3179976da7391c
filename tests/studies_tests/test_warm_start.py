from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from objectives.search_space import SearchSpace, real_weights
from studies.gate.looks import number_of_look
from studies.samplers import STRATEGIES
from studies.search import create
from studies.storage.database import quiet_optuna
from studies.warm_start import NO_WARM_START, WarmStart, fix_warm_start
from support.errors import StudyError
from tests.studies_tests.test_coordinator import Setup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.ranking.weights import Weights
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


@pytest.fixture
def setup(tmp_path: Path, config: Configuration, make_bank: MakeBank) -> Iterator[Setup]:
    with quiet_optuna(), closing(Setup(tmp_path, config, make_bank)) as made:
        made.run(12, "last", strategy="line_search")
        yield made


def take(
    setup: Setup, name: str, source: str | None, space: SearchSpace | None = None
) -> WarmStart:
    """Fix what a study begins with, making it where there is none of that name."""
    study, space = create(name, setup.storage), space or SearchSpace(setup.config.study.bounds)
    return fix_warm_start(setup.storage, study, source, space, setup.config.weights)


def test_a_study_tries_the_best_of_another_first_and_then_goes_its_own_way(setup: Setup) -> None:
    with setup.coordinating("last", "line_search") as last:
        best = last.best()
    taken = take(setup, "next", "last")
    assert taken.weights[0] == best.weights
    assert len(taken.weights) == len(set(taken.weights)) == 10
    after = setup.run(15, "next", strategy="random_search", warm_start=taken)
    origins = [record.user_attrs["origin"] for record in after.records]
    assert origins == ["current weights", *["warm start: last"] * 10, *["random_search"] * 4]
    assert after.records[1].value == best.value
    assert after.coordinator.best().value >= best.value


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_interrupted_warm_start_goes_on_without_the_other_study(
    strategy: str, setup: Setup
) -> None:
    taken = take(setup, "whole", "last")
    whole = setup.run(20, "whole", strategy=strategy, warm_start=taken)
    assert take(setup, "pieces", "last") == taken
    for n_trials in (4, 13, 20):
        again = take(setup, "pieces", None)
        assert again == taken
        pieces = setup.run(n_trials, "pieces", strategy=strategy, warm_start=again)
    assert pieces.essences == whole.essences
    assert len(pieces.records) == 20


def test_looks_at_the_gate_are_inherited(setup: Setup) -> None:
    """What the gate said of the source was known when this study began."""
    source = setup.study("last")
    source.set_user_attr("gate_looks", [{"trial": 3}, {"trial": 7}])
    taken = take(setup, "next", "last")
    study = setup.study("next")
    assert taken.n_looks == 2
    assert number_of_look(study, 4, taken.n_looks) == 3
    study.set_user_attr("gate_looks", [{"trial": 4}])
    study.add_trial(source.trials[1])
    assert number_of_look(study, 4, taken.n_looks) == 3
    assert number_of_look(study, 5, taken.n_looks) == 4
    assert take(setup, "third", "next").n_looks == 3


def test_without_a_source_nothing_is_taken(setup: Setup) -> None:
    assert take(setup, "next", None) == NO_WARM_START


def test_what_cannot_be_taken_is_refused_with_the_way_out(setup: Setup) -> None:
    with pytest.raises(StudyError, match=r"'none': no such study; there are: last$"):
        take(setup, "next", "none")
    create("empty", setup.storage)
    with pytest.raises(StudyError, match=r"'empty': it has no complete trial"):
        take(setup, "other", "empty")
    with pytest.raises(
        StudyError, match=r"'last' began from the current weights alone; .*--study-name NAME"
    ):
        take(setup, "last", "empty")
    narrow = SearchSpace(setup.config.study.bounds, {"exact_match_bonus": (0.5, 0.5)})
    with pytest.raises(StudyError, match=r"'last': it tried nothing but the current weights"):
        take(setup, "narrow", "last", narrow)


def test_a_study_that_began_otherwise_is_refused(setup: Setup) -> None:
    take(setup, "next", "last")
    with pytest.raises(StudyError, match=r"'next' began from 'last'; .*--study-name NAME"):
        take(setup, "next", "another")


def test_trials_outside_the_space_are_left_out(setup: Setup) -> None:
    """The current weights of the other study may lie outside the bounds of both."""
    everything = take(setup, "next", "last")
    values = sorted(map(exact_match, everything.weights))
    assert values[0] < values[-1]
    narrow = SearchSpace(setup.config.study.bounds, {"exact_match_bonus": (0.0, values[-2])})
    inside = take(setup, "narrow", "last", narrow)
    assert max(map(exact_match, inside.weights)) <= values[-2] + 1e-3
    assert setup.config.weights not in inside.weights


def exact_match(weights: Weights) -> float:
    return real_weights(weights)["exact_match_bonus"]
