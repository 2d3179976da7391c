"""Calibrate a configuration: fit confidence and threshold to its weights, and write them in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.representer import RoundTripRepresenter

from objectives.bank.feature_bank import silent
from objectives.configuration import load_configuration, resolve
from studies.datasets import load_material
from support.atomic_files import write_whole
from support.files import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ruamel.yaml.nodes import ScalarNode

    from engine.decision.settings import Calibration
    from objectives.bank.feature_bank import OnCases
    from objectives.cases.cases import BadRecord
    from objectives.decisions.calibration import Fitted
    from objectives.decisions.decision_quality import DecisionReport
    from support.executors import Executor

_SECTION = "calibration"
_FLOAT = "tag:yaml.org,2002:float"


class CalibrationRun(NamedTuple):
    """How a calibration ended.

    Attributes
    ----------
    output : Path
        The configuration that was written.
    fitted : Fitted
    gate_sites : tuple of str
    gate : DecisionReport
        Decisions at the gate sites, which were not fitted on.
    bad_records : tuple of BadRecord
    """

    output: Path
    fitted: Fitted
    gate_sites: tuple[str, ...]
    gate: DecisionReport
    bad_records: tuple[BadRecord, ...]


def calibrate(
    config_path: Path,
    dataset_paths: Sequence[Path],
    dataset_dir: Path | None,
    on_cases: OnCases = silent,
    executor: Executor | None = None,
) -> CalibrationRun:
    """Fit the calibration of a configuration and write it into its file, comments kept.

    Where the current folder has no such file and a built-in one is read, the folder gets its own.

    Parameters
    ----------
    config_path : Path
    dataset_paths : sequence of Path
        Labelled files; when empty, every file of the training folder.
    dataset_dir : Path or None
        Another training folder than the configuration's.
    on_cases : callable
        Told how many of how many cases are done while a bank is built.
    executor : Executor, optional
        Computes the bank; processes on this machine when not given.

    Raises
    ------
    RadTuneError
        When a file cannot be used, or no labelled case belongs to a tuning or gate site.
    """
    path = resolve(config_path)
    config = load_configuration(path)
    material = load_material(config, dataset_paths, dataset_dir, on_cases, executor=executor)
    fitted = material.fit(config)
    calibrated = config.model_copy(update={_SECTION: fitted.calibration})
    write_whole(config_path, _with_section(path, fitted.calibration))
    return CalibrationRun(
        output=config_path,
        fitted=fitted,
        gate_sites=tuple(sorted({case.site for case in material.gate.cases})),
        gate=material.gate_decisions(calibrated),
        bad_records=material.loaded.bad_records,
    )


def _with_section(path: Path, calibration: Calibration) -> str:
    """Return a configuration's text with another calibration; everything else stays as it is."""
    yaml = YAML()
    yaml.Constructor = _KeepingNumbers
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.representer.add_representer(type(None), _null)
    yaml.representer.add_representer(_Written, _number)
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(read_text(path))
    values = calibration.model_dump(mode="json")
    section = document.setdefault(_SECTION, {})
    first = section.setdefault("first", [{} for _ in calibration.first])
    for old, new in zip(first, values.pop("first"), strict=True):
        old.update(new)
    section.update(values)
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


class _Written(str):
    """A number with a point, as it is written: the library would change its last digits."""

    __slots__ = ()


class _KeepingNumbers(RoundTripConstructor):
    """What the library uses, but for numbers with a point."""


def _as_written(_: _KeepingNumbers, node: ScalarNode) -> _Written:
    return _Written(node.value)


_KeepingNumbers.add_constructor(_FLOAT, _as_written)


def _number(representer: RoundTripRepresenter, number: _Written) -> ScalarNode:
    node: ScalarNode = representer.represent_scalar(_FLOAT, str(number))
    return node


def _null(representer: RoundTripRepresenter, _: None) -> ScalarNode:
    """Write ``null`` where the library would write nothing."""
    node: ScalarNode = representer.represent_scalar("tag:yaml.org,2002:null", "null")
    return node
