"""Studies: samplers, pruners, storage, the gate and the exported configuration."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studies.definition.options import OptimizationConfig
    from studies.optimizer import OptimizationResult, TrainingOptimizer

__all__ = ["OptimizationConfig", "OptimizationResult", "TrainingOptimizer"]


def __getattr__(name: str) -> object:
    """Import what a search needs when it is asked for: a training run needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # the optimizer's module holds the options, too
    return getattr(import_module("studies.optimizer"), name)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
