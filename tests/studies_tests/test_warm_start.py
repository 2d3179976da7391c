from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import pytest

from engine.errors import StudyError
from objectives.search_space import SearchSpace
from studies.gate_looks import number_of_look
from studies.storage import open_storage
from studies.warm_start import NO_WARM_START, WarmStart, fix_warm_start
from tests.studies_tests.test_runner import Setup, essence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


@pytest.fixture
def setup(tmp_path: Path, config: Configuration, make_bank: MakeBank) -> Iterator[Setup]:
    with Setup(tmp_path, config, make_bank) as made:
        made.run(12, "last", strategy="line_search")
        yield made


def new_study(setup: Setup, name: str = "next") -> optuna.Study:
    return optuna.create_study(storage=open_storage(setup.url), study_name=name)


def space_of(config: Configuration) -> SearchSpace:
    return SearchSpace(config.study.bounds)


def settle(setup: Setup, study: optuna.Study, source: str | None, space: SearchSpace) -> WarmStart:
    return fix_warm_start(open_storage(setup.url), study, source, space, setup.config.weights)


def test_a_study_tries_the_best_of_another_first_and_then_goes_its_own_way(setup: Setup) -> None:
    last = setup.runner("last", "line_search")
    taken = fix_warm_start(
        open_storage(setup.url),
        new_study(setup),
        "last",
        space_of(setup.config),
        setup.config.weights,
    )
    assert taken.weights[0] == last.best().weights
    assert len(taken.weights) == len(set(taken.weights)) == 10
    after, _ = setup.run(15, "next", strategy="random_search", warm_start=taken)
    origins = [record.user_attrs["origin"] for record in after.records]
    assert origins == ["current weights", *["warm start: last"] * 10, *["random_search"] * 4]
    assert after.records[1].value == last.best().value
    assert after.best().value >= last.best().value


@pytest.mark.parametrize("strategy", ["auto", "cmaes", "grid_search", "qmc", "tpe"])
def test_an_interrupted_warm_start_goes_on_without_the_other_study(
    strategy: str, setup: Setup
) -> None:
    space = space_of(setup.config)
    taken = fix_warm_start(
        open_storage(setup.url), new_study(setup, "whole"), "last", space, setup.config.weights
    )
    whole, _ = setup.run(20, "whole", strategy=strategy, warm_start=taken)
    assert (
        fix_warm_start(
            open_storage(setup.url),
            new_study(setup, "pieces"),
            "last",
            space,
            setup.config.weights,
        )
        == taken
    )
    for n_trials in (4, 13, 20):
        study = optuna.load_study(study_name="pieces", storage=open_storage(setup.url))
        again = settle(setup, study, None, space)
        assert again == taken
        pieces, _ = setup.run(n_trials, "pieces", strategy=strategy, warm_start=again)
    assert [essence(r) for r in pieces.records] == [essence(r) for r in whole.records]
    assert len(pieces.records) == 20


def test_looks_at_the_gate_are_inherited(setup: Setup) -> None:
    """What the gate said of the source was known when this study began."""
    space = space_of(setup.config)
    source = optuna.load_study(study_name="last", storage=open_storage(setup.url))
    source.set_user_attr("gate_looks", [{"trial": 3}, {"trial": 7}])
    study = new_study(setup)
    taken = settle(setup, study, "last", space)
    assert taken.n_looks == 2
    assert number_of_look(study, 4, taken.n_looks) == 3
    study.set_user_attr("gate_looks", [{"trial": 4}])
    study.add_trial(source.trials[1])
    assert number_of_look(study, 4, taken.n_looks) == 3
    assert number_of_look(study, 5, taken.n_looks) == 4
    assert (
        fix_warm_start(
            open_storage(setup.url), new_study(setup, "third"), "next", space, setup.config.weights
        ).n_looks
        == 3
    )


def test_without_a_source_nothing_is_taken(setup: Setup) -> None:
    assert (
        fix_warm_start(
            open_storage(setup.url),
            new_study(setup),
            None,
            space_of(setup.config),
            setup.config.weights,
        )
        == NO_WARM_START
    )


def test_what_cannot_be_taken_is_refused_with_the_way_out(setup: Setup) -> None:
    space = space_of(setup.config)
    with pytest.raises(StudyError, match=r"'none': no such study; there are: last$"):
        fix_warm_start(
            open_storage(setup.url), new_study(setup), "none", space, setup.config.weights
        )
    new_study(setup, "empty")
    with pytest.raises(StudyError, match=r"'empty': it has no complete trial"):
        fix_warm_start(
            open_storage(setup.url),
            new_study(setup, "other"),
            "empty",
            space,
            setup.config.weights,
        )
    begun = optuna.load_study(study_name="last", storage=open_storage(setup.url))
    with pytest.raises(
        StudyError, match=r"'last' began from the current weights alone; .*--study-name NAME"
    ):
        settle(setup, begun, "empty", space)
    narrow = SearchSpace(setup.config.study.bounds, {"exact_match_bonus": (0.5, 0.5)})
    with pytest.raises(StudyError, match=r"'last': it tried nothing but the current weights"):
        fix_warm_start(
            open_storage(setup.url),
            new_study(setup, "narrow"),
            "last",
            narrow,
            setup.config.weights,
        )


def test_a_study_that_began_otherwise_is_refused(setup: Setup) -> None:
    space = space_of(setup.config)
    study = new_study(setup)
    settle(setup, study, "last", space)
    with pytest.raises(StudyError, match=r"'next' began from 'last'; .*--study-name NAME"):
        settle(setup, study, "another", space)


def test_trials_outside_the_space_are_left_out(setup: Setup) -> None:
    """The current weights of the other study may lie outside the bounds of both."""
    wide = SearchSpace(setup.config.study.bounds)
    everything = fix_warm_start(
        open_storage(setup.url), new_study(setup), "last", wide, setup.config.weights
    )
    values = sorted(one.exact_match_bonus for one in everything.weights)
    assert values[0] < values[-1]
    narrow = SearchSpace(setup.config.study.bounds, {"exact_match_bonus": (0.0, values[-2])})
    inside = fix_warm_start(
        open_storage(setup.url), new_study(setup, "narrow"), "last", narrow, setup.config.weights
    )
    assert all(one.exact_match_bonus <= values[-2] + 1e-3 for one in inside.weights)
    assert setup.config.weights not in inside.weights
