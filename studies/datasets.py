"""What a study works on: the cases to tune on, the gate's cases and the sanity set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from objectives.bank.feature_bank import silent
from objectives.cases.cases import dataset_files
from objectives.decisions.calibration import Fitted, fit_calibration
from objectives.decisions.decision_quality import DecisionReport, report_decisions
from objectives.workspace import Workspace
from support.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from objectives.bank.feature_bank import OnCases
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.cases.cases import CaseSet
    from objectives.configuration import Configuration
    from support.executors import Executor


class Material(NamedTuple):
    """The labelled banks of a study.

    Attributes
    ----------
    workspace : Workspace
    loaded : CaseSet
        Every case of the training files, those of the test sites without their labels.
    tuning, gate : LabelledBank
        Cases that say what is right, at least one of each with a gold row.
    absent_sites : tuple of str
        Tuning and gate sites of the configuration without a case.
    """

    workspace: Workspace
    loaded: CaseSet
    tuning: LabelledBank
    gate: LabelledBank
    absent_sites: tuple[str, ...]

    def fit(self, config: Configuration) -> Fitted:
        """Fit the calibration of a configuration's weights on the tuning sites."""
        return fit_calibration(self.tuning, config, self.workspace.catalogue_sha256)

    def gate_decisions(self, config: Configuration) -> DecisionReport:
        """Measure a configuration's decisions at the gate sites."""
        return report_decisions(config, self.gate, self.workspace.truth)


class Sanity(NamedTuple):
    """The answerable cases of the sanity set, at least one, and the set as it was read."""

    bank: LabelledBank
    loaded: CaseSet


class Inputs(NamedTuple):
    """What a study reads, before anything is computed from it.

    Attributes
    ----------
    workspace : Workspace
    loaded : CaseSet
        Every case of the training files, those of the test sites without their labels.
    """

    workspace: Workspace
    loaded: CaseSet


def read_inputs(
    config: Configuration,
    dataset_paths: Sequence[Path] = (),
    dataset_dir: Path | None = None,
    executor: Executor | None = None,
) -> Inputs:
    """Read catalogue and training files.

    Parameters
    ----------
    config : Configuration
    dataset_paths : sequence of Path
        Training files; when empty, every file of the training folder.
    dataset_dir : Path or None
        Another training folder than the configuration's.
    executor : Executor, optional
        Computes the banks; processes on this machine when not given.

    Raises
    ------
    InputFileError
        When a file cannot be used.
    """
    folder = dataset_dir or config.data.training_dir
    workspace = Workspace(config, folder, executor=executor)
    return Inputs(workspace, workspace.load_cases(list(dataset_paths) or dataset_files(folder)))


def load_material(
    config: Configuration,
    dataset_paths: Sequence[Path],
    dataset_dir: Path | None,
    on_cases: OnCases = silent,
    *,
    executor: Executor | None = None,
) -> Material:
    """Do what `read_inputs` and `make_material` do, one after the other."""
    inputs = read_inputs(config, dataset_paths, dataset_dir, executor)
    return make_material(config, inputs, on_cases)


def make_material(config: Configuration, inputs: Inputs, on_cases: OnCases = silent) -> Material:
    """Load the banks of the tuning and gate sites.

    Parameters
    ----------
    config : Configuration
    inputs : Inputs
    on_cases : callable
        Told how many of how many cases are done while a bank is built.

    Raises
    ------
    InputFileError
        When no labelled case belongs to a tuning or a gate site.
    """
    workspace, loaded = inputs
    labelled = workspace.bank(loaded.cases, on_cases=on_cases)
    tuning = labelled.at(config.split.tuning).labelled()
    gate = labelled.at(config.split.gate).labelled()
    for bank, part in ((tuning, "tuning"), (gate, "gate")):
        if not bank.labels.answerable.any():
            raise InputFileError(_no_cases(part, config, sorted({c.site for c in loaded.cases})))
    present = {case.site for bank in (tuning, gate) for case in bank.cases}
    absent = (s for s in (*config.split.tuning, *config.split.gate) if s not in present)
    return Material(workspace, loaded, tuning, gate, tuple(absent))


def load_sanity(config: Configuration, workspace: Workspace) -> Sanity:
    """Load the sanity set as a study needs it.

    Raises
    ------
    InputFileError
        When it cannot be used, or no case of it has a gold row.
    """
    loaded = workspace.load_sanity()
    bank = workspace.bank(loaded.cases).answerable()
    if not bank.cases:
        raise InputFileError(f"{config.data.sanity}: no case has a gold row (EXPECTED_NAME)")
    return Sanity(bank, loaded)


def _no_cases(part: str, config: Configuration, sites: Sequence[str]) -> str:
    wanted = ", ".join(getattr(config.split, part)) or "none is listed"
    return (
        f"no case with a gold row (EXPECTED_NAME) at a {part} site; split.{part} in the "
        f"configuration lists: {wanted}; the files hold: {', '.join(sites)}"
    )
