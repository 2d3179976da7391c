"""Every look that a study has taken at the gate, kept with the study."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from studies.storage.trial_records import reading

if TYPE_CHECKING:
    import optuna

    from studies.gate.gate import GateReport

_ATTRIBUTE = "gate_looks"
_TRIAL = "trial"


def number_of_look(study: optuna.Study, trial: int, n_inherited: int = 0) -> int:
    """Return which look it is, from 1, when this trial is shown; the same trial is no new one.

    Parameters
    ----------
    study : optuna.Study
    trial : int
    n_inherited : int
        Looks of the studies that this one began from: their choices are in its trials.
    """
    trials = _trials(study)
    own = trials.index(trial) if trial in trials else len(trials)
    return n_inherited + own + 1


def count_looks(study: optuna.Study) -> int:
    """Count the looks that a study has taken itself."""
    return len(_trials(study))


def log_look(study: optuna.Study, trial: int, report: GateReport) -> None:
    """Note a new look: which trial, when (UTC), what was found and what the gate said."""
    if trial in _trials(study):
        return
    look = {
        _TRIAL: trial,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "difference": report.difference,
        "corrected": list(report.corrected),
        "corrected_confidence": report.corrected_confidence,
        "p_value": report.p_value,
        "verdict": report.verdict.name.lower(),
    }
    study.set_user_attr(_ATTRIBUTE, [*study.user_attrs.get(_ATTRIBUTE, []), look])


def _trials(study: optuna.Study) -> list[int]:
    with reading(study.study_name):
        return [look[_TRIAL] for look in study.user_attrs.get(_ATTRIBUTE, [])]
