"""Whether the best of a study holds on sites it was not tuned on, as a complete configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from studies.gate.gate import hold_gate, judge_accepted

if TYPE_CHECKING:
    from engine.ranking.weights import Weights
    from objectives.configuration import Configuration
    from objectives.decisions.calibration import Fitted
    from objectives.decisions.decision_quality import DecisionReport
    from studies.datasets import Material
    from studies.gate.gate import GateReport


class Proof(NamedTuple):
    """What the gate sites say.

    Attributes
    ----------
    optimized : Configuration
        The current configuration with the best weights and their own calibration.
    fitted : Fitted
        That calibration.
    before, after : DecisionReport
        Decisions at the gate sites, with the current and with the optimised configuration.
    gate : GateReport
    """

    optimized: Configuration
    fitted: Fitted
    before: DecisionReport
    after: DecisionReport
    gate: GateReport


def prove(
    config: Configuration, material: Material, current: Weights, best: Weights, look: int
) -> Proof:
    """Calibrate the best weights on the tuning sites and hold the gate.

    Parameters
    ----------
    config : Configuration
        The current one.
    material : Material
    current, best : Weights
    look : int
        1 for the first weights that a study shows to the gate.
    """
    gate = hold_gate(material.gate.answerable(), current, best, config.gate, look)
    optimized = config.with_weights(best)
    fitted = material.fit(optimized)
    optimized = optimized.model_copy(update={"calibration": fitted.calibration})
    before, after = material.gate_decisions(config), material.gate_decisions(optimized)
    gate = judge_accepted(gate, before.overall, after.overall)
    return Proof(optimized, fitted, before, after, gate)
