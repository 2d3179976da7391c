"""``optimized_config.yaml``: a complete configuration that says where it comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from objectives.configuration import Configuration, load_configuration, resolve
from support.atomic_files import write_whole
from support.databases import without_password
from support.errors import ConfigurationError, RadTuneError

if TYPE_CHECKING:
    from studies.coordinator import Contender
    from studies.definition.identity import Identity
    from studies.gate.gate import GateReport

_HEADER = """\
# Made by `radtune optimize`; copy it to config.yaml to make it the current configuration.
# The section `provenance` at the end says how it came about.
"""
_SUPERSEDED = ".superseded"


def export_configuration(
    path: Path,
    config: Configuration,
    best: Contender,
    *,
    baseline: str,
    study_name: str,
    identity: Identity,
    baseline_value: float,
    gate: GateReport,
) -> None:
    """Write a configuration that already has the best weights and their calibration.

    Passwords in storage URLs are left out.

    Parameters
    ----------
    path : Path
    config : Configuration
    best : Contender
        The trial that the weights come from.
    baseline : str
        Hash of the configuration that the study started from.
    study_name : str
    identity : Identity
    baseline_value : float
        Objective of the current weights, [0, 1].
    gate : GateReport
    """
    provenance = {
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": study_name,
        "trial": best.number,
        "strategy": identity.strategy,
        "seed": identity.seed,
        "engine": identity.engine,
        "baseline_configuration": baseline,
        "data": identity.data._asdict(),
        "metrics": {
            "value": {"before": baseline_value, "after": best.value},
            "gate_sites": list(gate.sites),
            "gate_cases": gate.n_cases,
            "gate_accuracy_at_1": {
                "before": gate.baseline_accuracy_at_1,
                "after": gate.optimized_accuracy_at_1,
            },
            "gate_difference_ci95": list(gate.ci95),
            "gate_critical_errors": {
                "before": gate.critical_by_kind_baseline,
                "after": gate.critical_by_kind_optimized,
            },
        },
    }
    exported = config.model_copy(update={"provenance": provenance})
    document = exported.model_dump(mode="json")
    for section in (document["study"], document["training"]):
        section["storage"] = without_password(section["storage"])
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=99)
    write_whole(path, _HEADER + text)


def check_output(path: Path, config_path: Path) -> None:
    """Refuse an output file that holds something else than an exported configuration.

    Raises
    ------
    ConfigurationError
    """
    if path.is_dir():
        raise ConfigurationError(f"{path}: is a directory; give a file name with --output")
    if path.parent.exists() and not path.parent.is_dir():
        raise ConfigurationError(f"{path}: {path.parent} is no folder; give another --output")
    if not path.exists():
        return
    if path.resolve() == resolve(config_path).resolve():
        raise ConfigurationError(
            f"{path}: is the current configuration and stays as it is; give another --output"
        )
    try:
        exported = load_configuration(path).provenance is not None
    except RadTuneError:
        exported = False
    if not exported:
        raise ConfigurationError(
            f"{path}: exists and is no exported configuration; move it or give another --output"
        )


def set_aside(path: Path) -> Path | None:
    """Rename an exported configuration that no longer holds, so that nobody goes on using it.

    Returns
    -------
    Path or None
        Where it is now; None when there was none.
    """
    aside = path.with_name(f"{path.stem}{_SUPERSEDED}{path.suffix}")
    try:
        path.replace(aside)
    except FileNotFoundError:  # also when another run of the same study was faster
        return None
    return aside
