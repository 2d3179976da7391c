"""Studies: samplers, pruners, storage, the gate and the exported configuration."""

from __future__ import annotations

from studies.optimizer import OptimizationResult, TrainingOptimizer
from studies.options import OptimizationConfig

__all__ = ["OptimizationConfig", "OptimizationResult", "TrainingOptimizer"]
