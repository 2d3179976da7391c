"""Optuna's TPE as a function of finished trials: what our sampler needs of its private members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class TPEInBox:
    """Optuna's TPE over a box of floats, asked for one trial after the other.

    Parameters
    ----------
    box : mapping of str to BaseDistribution
        The axes, more than one value each.
    """

    def __init__(self, box: Mapping[str, BaseDistribution]) -> None:
        self._box = dict(box)
        self._sorted = dict(sorted(box.items()))  # as Optuna reads it from trials
        self._study = optuna.create_study(direction="maximize")
        self._shown: list[FrozenTrial] = []  # Optuna's own storage copies and checks each
        self._sampler = _Sampler()

    def show(self, trial: FrozenTrial) -> None:
        """Let it learn from a finished trial, each once and in order."""
        trial.number = len(self._shown)
        self._shown.append(trial)

    def ask(self, number: int, seed: int) -> dict[str, float]:
        """Return where a trial goes, as if the sampler had been made with this seed."""
        self._study._thread_local.cached_all_trials = self._shown  # noqa: SLF001 - `Study.ask` asks the storage
        self._sampler.seed(seed)
        trial = create_trial(state=TrialState.RUNNING)
        trial.number = number
        learned = self._sampler.sample_relative(self._study, trial, self._sorted)
        return {
            # the first few trials are drawn at random
            name: learned[name]
            if name in learned
            else self._sampler.sample_independent(self._study, trial, name, axis)
            for name, axis in self._box.items()
        }


class _Sampler(optuna.samplers.TPESampler):
    """Optuna's sampler, spared what costs time and changes no proposal here.

    One process asks for one trial after the other, so there are no running trials to keep away
    from; every trial has every axis, all of them floats. ``test_samplers.py`` compares the
    proposals with those of Optuna's own.
    """

    def __init__(self) -> None:
        super().__init__(constant_liar=False)

    def seed(self, seed: int) -> None:
        """Start again, as if made with this seed."""
        for state in (self._rng, self._random_sampler._rng):  # noqa: SLF001
            state.rng.seed(seed)

    @override
    def _get_internal_repr(
        self,
        trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
        study: optuna.Study,
    ) -> dict[str, NDArray[np.float64]]:
        points = [trial.params for trial in trials]
        return {name: np.array([point[name] for point in points]) for name in search_space}
