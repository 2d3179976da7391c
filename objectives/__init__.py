"""Cases, feature bank, metrics, search space and the objective that a study optimises."""

from __future__ import annotations

from objectives.training import ScalableTrainingFramework, TrainingConfig, TrainingMetrics

__all__ = ["ScalableTrainingFramework", "TrainingConfig", "TrainingMetrics"]
