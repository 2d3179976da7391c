"""Cases, feature bank, metrics, search space and the objective that a study optimises."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from objectives.training.framework import (
        ScalableTrainingFramework,
        TrainingConfig,
        TrainingMetrics,
    )

__all__ = ["ScalableTrainingFramework", "TrainingConfig", "TrainingMetrics"]


def __getattr__(name: str) -> object:
    """Import what a training run needs when it is asked for: a lookup needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("objectives.training.framework"), name)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
