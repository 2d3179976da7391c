"""Pruners by name: when a trial is stopped before its last case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.pruners.base import BatchPruner, Pruner
from studies.pruners.bound import Bound
from studies.pruners.from_optuna import Hyperband, Median, SuccessiveHalving, Wilcoxon
from studies.pruners.none import NoPruner
from support.errors import ConfigurationError
from support.unknown_names import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping


PRUNERS: Mapping[str, type[Pruner]] = {
    pruner.name: pruner
    for pruner in (NoPruner, Bound, Median, SuccessiveHalving, Hyperband, Wilcoxon)
}


def pruner_named(name: str) -> type[Pruner]:
    """Return the pruner of this name.

    Raises
    ------
    ConfigurationError
        Lists the names there are.
    """
    if name not in PRUNERS:
        raise ConfigurationError(f"pruner: {unknown(name, PRUNERS)}")
    return PRUNERS[name]


__all__ = ["PRUNERS", "BatchPruner", "Pruner", "pruner_named"]
