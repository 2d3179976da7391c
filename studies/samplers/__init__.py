"""Strategies by name: how a study proposes its next weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.samplers.auto import Auto
from studies.samplers.base import Problem, Strategy
from studies.samplers.cmaes import CmaEs
from studies.samplers.grid_search import GridSearch
from studies.samplers.line_search import LineSearch
from studies.samplers.qmc import QuasiMonteCarlo
from studies.samplers.random_search import RandomSearch
from studies.samplers.tpe import TPE
from support.errors import ConfigurationError
from support.unknown_names import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

STRATEGIES: Mapping[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (Auto, LineSearch, TPE, CmaEs, RandomSearch, QuasiMonteCarlo, GridSearch)
}


def strategy_named(name: str) -> type[Strategy]:
    """Return the strategy of this name.

    Raises
    ------
    ConfigurationError
        Lists the names there are.
    """
    if name not in STRATEGIES:
        raise ConfigurationError(f"strategy: {unknown(name, STRATEGIES)}")
    return STRATEGIES[name]


__all__ = ["STRATEGIES", "Problem", "Strategy", "strategy_named"]
