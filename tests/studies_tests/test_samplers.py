from __future__ import annotations

from typing import TYPE_CHECKING

import optuna

from objectives.search_space import SearchSpace
from studies.records import coordinate_distributions
from studies.samplers.base import Problem
from studies.samplers.tpe import TPE

if TYPE_CHECKING:
    from objectives.configuration import Configuration

RANGES = {"exact_match_bonus": (0.2, 0.2), "anatomy_weight": (0.2, 0.4)}


def test_tpe_goes_where_optuna_alone_would(config: Configuration) -> None:
    space = SearchSpace(config.study.bounds, RANGES)
    strategy = TPE(Problem(config.weights, space, {}, seed=3))
    box = coordinate_distributions(space)
    histories = [optuna.create_study(direction="maximize") for _ in range(2)]
    points = []
    for history in histories:
        history.add_trial(
            optuna.trial.create_trial(
                value=0.5, params=dict(strategy.current().point), distributions=box
            )
        )
    for number in range(1, 25):
        samplers = (
            strategy.sampler(number),
            optuna.samplers.TPESampler(seed=strategy.trial_seed(number)),
        )
        for history, sampler in zip(histories, samplers, strict=True):
            history.sampler = sampler
            trial = history.ask(box)
            history.tell(trial, sum(trial.params.values()))
        points.append([history.trials[-1].params for history in histories])
    assert all(ours == plain for ours, plain in points)
