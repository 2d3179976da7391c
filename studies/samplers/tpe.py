"""Tree-structured Parzen estimator, multivariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from studies.samplers.base import Strategy
from studies.samplers.from_optuna import TPEInBox
from studies.storage.trial_records import coordinate_distributions
from studies.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.samplers.base import Problem


class TPE(Strategy):
    """Optuna's TPE over the box of coordinates.

    Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization"; multivariate
    form: Falkner et al. (2018), "BOHB".
    """

    name = "tpe"
    summary = "weights near good trials (Optuna's TPE)"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._axes = coordinate_distributions(problem.space)
        box = {name: axis for name, axis in self._axes.items() if not axis.single()}
        self._fixed = {
            axis.name: axis.low for axis in problem.space.coordinates if axis.name not in box
        }
        self._in_box = TPEInBox(box)
        self._n_shown = 0

    @override
    def proposals(self, history: Sequence[Trial], numbers: range) -> Sequence[Trial]:
        for tried in history[self._n_shown :]:
            self._in_box.show(self._as_optuna(tried))
        self._n_shown = len(history)
        asked = self._in_box.ask(numbers.start, self.trial_seed(numbers.start))
        known = {**self._fixed, **asked}
        point = {name: known[name] for name in self._axes}
        return [Trial(self.problem.space.decode(point), point, self.name, teaches=True)]

    def _as_optuna(self, proposed: Trial) -> FrozenTrial:
        trial = FrozenTrial(
            number=proposed.number,
            trial_id=proposed.number,
            state=proposed.state,
            value=proposed.complete_value,
            datetime_start=None,
            datetime_complete=None,
            params=dict(proposed.point),
            distributions=self._axes,
            user_attrs={},
            system_attrs={},
            intermediate_values=_last_rung(proposed),
        )
        for name, above in proposed.constraints.items():
            trial.set_constraint(name, above)
        return trial


def _last_rung(trial: Trial) -> dict[int, float]:
    """Return the one rung that TPE reads, where a trial was stopped."""
    if trial.state is TrialState.COMPLETE or not trial.rungs:
        return {}
    last = max(trial.rungs)
    return {last: trial.rungs[last]}
