"""Which configuration a training run uses: the optimised one where it holds, else the current."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InputFileError
from engine.files import sha256_of_file
from objectives.cases import dataset_files, resolve_dataset
from objectives.configuration import DEFAULT_CONFIG, load_configuration, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Choice(NamedTuple):
    """A configuration file and, in words, why it was chosen."""

    path: Path
    reason: str


def choose_configuration(dataset_paths: Sequence[Path], dataset_dir: Path | None) -> Choice:
    """Choose ``optimized_config.yaml`` when it is there and was made on this data.

    Parameters
    ----------
    dataset_paths : sequence of Path
        Training files in use; when empty, every file of the training folder.
    dataset_dir : Path or None
        Another training folder than the configuration's.

    Raises
    ------
    RadTuneError
        When a configuration or a data file cannot be read.
    """
    config = load_configuration(DEFAULT_CONFIG)
    optimized = config.study.output
    if not optimized.exists():
        return Choice(DEFAULT_CONFIG, f"there is no {optimized}")
    provenance = load_configuration(optimized).provenance
    made_on = provenance.get("data") if provenance else None
    if not isinstance(made_on, dict):
        return Choice(DEFAULT_CONFIG, f"{optimized} does not say which data it was made on")
    if made_on.get("catalogue") != sha256_of_file(resolve(config.data.catalogue)):
        return Choice(DEFAULT_CONFIG, f"{optimized} was made on another catalogue")
    made_on_cases = made_on.get("cases")
    known = made_on_cases if isinstance(made_on_cases, dict) else {}
    files = list(dataset_paths) or dataset_files(dataset_dir or config.data.training_dir)
    for path in map(resolve_dataset, files):
        if known.get(path.name) != _hash(path):
            return Choice(DEFAULT_CONFIG, f"{optimized} was made on other data than {path.name}")
    return Choice(optimized, "made on this data")


def _hash(path: Path) -> str | None:
    try:
        return sha256_of_file(path)
    except InputFileError:
        return None  # whoever reads the file next says what is wrong with it
