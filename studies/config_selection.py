"""Which configuration a training run uses: the optimised one where it holds, else the current."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from objectives.cases.cases import dataset_files, resolve_dataset
from objectives.configuration import DEFAULT_CONFIG, load_configuration, resolve
from support.engine_version import engine_sha256
from support.errors import InputFileError
from support.hashing import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from objectives.configuration import Configuration


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
    files = list(dataset_paths) or dataset_files(dataset_dir or config.data.training_dir)
    changed = _what_changed(config, load_configuration(optimized).provenance or {}, files)
    if changed:
        return Choice(DEFAULT_CONFIG, f"{changed} since {optimized} was made")
    return Choice(optimized, "made on this data")


def _what_changed(
    config: Configuration, provenance: Mapping[str, Any], files: Sequence[Path]
) -> str | None:
    """Say in words why an exported configuration does not hold here, or return None."""
    made_on = _section(provenance, "data")
    if provenance.get("baseline_configuration") != config.sha256:
        return "the current configuration has changed"
    if provenance.get("engine") != engine_sha256():
        return "the engine has changed"
    if made_on.get("catalogue") != sha256_of_file(resolve(config.data.catalogue)):
        return "the catalogue has changed"
    cases = _section(made_on, "cases")
    other = [path for path in map(resolve_dataset, files) if cases.get(path.name) != _hash(path)]
    return f"{other[0].name} is new or has changed" if other else None


def _section(provenance: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of what an export says; nothing where a person has changed its form."""
    section = provenance.get(name)
    return section if isinstance(section, dict) else {}


def _hash(path: Path) -> str | None:
    try:
        return sha256_of_file(path)
    except InputFileError:
        return None  # whoever reads the file next says what is wrong with it
