"""What a study works on: the cases to tune on, the gate's cases and the sanity set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InputFileError
from objectives.bank import silent
from objectives.cases import dataset_files
from objectives.workspace import Workspace
from studies.identity import DataHashes, data_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from objectives.bank import OnCases
    from objectives.cases import BadRecord
    from objectives.configuration import Configuration
    from objectives.labelled_bank import LabelledBank
    from objectives.truth import RowTruth


class Material(NamedTuple):
    """The labelled banks of a study.

    Attributes
    ----------
    tuning, gate, sanity : LabelledBank
        Cases that say what is right; the sanity set's answerable cases only.
    truth : RowTruth
    hashes : DataHashes
    n_records : int
        Records in the training files.
    bad_records : tuple of BadRecord
    absent_sites : tuple of str
        Tuning and gate sites of the configuration without a case.
    """

    tuning: LabelledBank
    gate: LabelledBank
    sanity: LabelledBank
    truth: RowTruth
    hashes: DataHashes
    n_records: int
    bad_records: tuple[BadRecord, ...]
    absent_sites: tuple[str, ...]


def load_material(
    config: Configuration,
    dataset_paths: Sequence[Path],
    dataset_dir: Path | None,
    on_cases: OnCases = silent,
) -> Material:
    """Load the cases of a study and their banks.

    Parameters
    ----------
    config : Configuration
    dataset_paths : sequence of Path
        Training files; when empty, every file of the training folder.
    dataset_dir : Path or None
        Another training folder than the configuration's.
    on_cases : callable
        Told how many of how many cases are done while a bank is built.

    Raises
    ------
    InputFileError
        When a file cannot be used, or no labelled case belongs to a tuning or a gate site.
    """
    folder = dataset_dir or config.data.training_dir
    workspace = Workspace(config, folder)
    loaded = workspace.load_cases(list(dataset_paths) or dataset_files(folder))
    labelled = workspace.bank(loaded.cases, on_cases=on_cases)
    sanity = workspace.load_sanity()
    tuning = labelled.at(config.split.tuning).labelled()
    gate = labelled.at(config.split.gate).labelled()
    for bank, part in ((tuning, "tuning"), (gate, "gate")):
        if not bank.labels.answerable.any():
            raise InputFileError(_no_cases(part, config, sorted({c.site for c in loaded.cases})))
    sanity_bank = workspace.bank(sanity.cases)
    return Material(
        tuning=tuning,
        gate=gate,
        sanity=sanity_bank.answerable(),
        truth=workspace.truth,
        hashes=data_hashes(workspace, sanity, loaded),
        n_records=loaded.n_records,
        bad_records=loaded.bad_records,
        absent_sites=tuple(
            site
            for site in (*config.split.tuning, *config.split.gate)
            if all(case.site != site for case in (*tuning.cases, *gate.cases))
        ),
    )


def _no_cases(part: str, config: Configuration, sites: Sequence[str]) -> str:
    wanted = ", ".join(getattr(config.split, part)) or "none is listed"
    return (
        f"no case with a gold row (EXPECTED_NAME) at a {part} site; split.{part} in the "
        f"configuration lists: {wanted}; the files hold: {', '.join(sites)}"
    )
