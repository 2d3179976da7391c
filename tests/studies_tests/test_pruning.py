from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna

from studies.pruning import MedianRule

if TYPE_CHECKING:
    from objectives.configuration import Configuration


def test_the_rule_is_that_of_optuna(config: Configuration) -> None:
    settings = config.study.pruner
    rule = MedianRule(settings)
    study = optuna.create_study(
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(
            settings.n_startup_trials, n_warmup_steps=0, n_min_trials=settings.n_min_trials
        ),
    )
    rng = np.random.default_rng(5)
    n_stopped = 0
    for _ in range(60):
        trial, rungs, is_stopped = study.ask(), {}, False
        for rung, value in zip((3, 5, 8), rng.random(3).round(1).tolist(), strict=True):
            trial.report(value, rung)
            rungs[rung] = value
            is_stopped = rule.stops(rungs)
            assert is_stopped == trial.should_prune()
            if is_stopped:
                break
        n_stopped += is_stopped
        if is_stopped:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
            rule.saw(rungs)
    assert 10 < n_stopped < 50
