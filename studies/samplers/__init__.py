"""Strategies by name: how a study proposes its next weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ConfigurationError
from studies.samplers.base import BatchStrategy, LearningStrategy, Proposal, Tried
from studies.samplers.cmaes import CmaEs
from studies.samplers.grid_search import GridSearch
from studies.samplers.random_search import RandomSearch
from studies.samplers.tpe import TPE

if TYPE_CHECKING:
    from collections.abc import Mapping

Strategy = BatchStrategy | LearningStrategy

STRATEGIES: Mapping[str, type[TPE | RandomSearch | GridSearch | CmaEs]] = {
    strategy.name: strategy for strategy in (TPE, RandomSearch, GridSearch, CmaEs)
}


def strategy_named(name: str) -> type[TPE | RandomSearch | GridSearch | CmaEs]:
    """Return the strategy of this name.

    Raises
    ------
    ConfigurationError
        Lists the names there are.
    """
    if name not in STRATEGIES:
        raise ConfigurationError(
            f"strategy {name!r} is unknown; there are {', '.join(sorted(STRATEGIES))}"
        )
    return STRATEGIES[name]


__all__ = [
    "STRATEGIES",
    "BatchStrategy",
    "LearningStrategy",
    "Proposal",
    "Strategy",
    "Tried",
    "strategy_named",
]
