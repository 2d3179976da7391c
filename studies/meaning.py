"""What the weights of a configuration mean on the tuning sites and the sanity set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from objectives.bank import silent
from objectives.configuration import load_configuration
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from objectives.weight_effects import CONFIDENCE, weight_effects
from studies.choice import Choice, choose_configuration
from studies.importance import importances
from studies.material import load_material, load_sanity
from studies.meaning_words import sentence
from studies.options import default_study_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from objectives.bank import OnCases
    from objectives.cases import BadRecord
    from objectives.configuration import Configuration
    from objectives.weight_effects import WeightEffect
    from studies.importance import Importances


class WeightMeaning(NamedTuple):
    """What one weight does, and the same in words."""

    effect: WeightEffect
    sentence: str


class WeightsReport(NamedTuple):
    """What the weights of a configuration mean.

    Attributes
    ----------
    config : Path
    why : str
        Why this configuration was looked at.
    value : float
        Objective of its weights, [0, 1].
    sites : tuple of str
        Tuning sites.
    n_cases, n_sanity_cases : int
        Answerable cases.
    confidence : float
        Of all noise.
    weights : tuple of WeightMeaning
        The one that is missed most first.
    without_effect : tuple of str
    importances : Importances or None
        By Optuna's evaluators; None without a study.
    bad_records : tuple of BadRecord
    """

    config: Path
    why: str
    value: float
    sites: tuple[str, ...]
    n_cases: int
    n_sanity_cases: int
    confidence: float
    weights: tuple[WeightMeaning, ...]
    without_effect: tuple[str, ...]
    importances: Importances | None
    bad_records: tuple[BadRecord, ...]


def explain_weights(
    config_path: Path | None = None,
    dataset_paths: Sequence[Path] = (),
    dataset_dir: Path | None = None,
    *,
    study_name: str | None = None,
    storage: str | None = None,
    on_cases: OnCases = silent,
) -> WeightsReport:
    """Find out what each weight of a configuration does.

    Parameters
    ----------
    config_path : Path, optional
        The exported configuration where it holds, else the current one, when not given.
    dataset_paths : sequence of Path
        Training files; when empty, every file of the training folder.
    dataset_dir : Path, optional
    study_name : str, optional
        A study whose trials are asked too; the one the configuration was exported from, or the
        configuration's own, if it is there, when not given.
    storage : str, optional
        SQLAlchemy URL of the studies; the configuration's when not given.
    on_cases : callable
        Told how many of how many cases are done while a bank is built.

    Raises
    ------
    RadTuneError
        When configuration, data or study cannot be used.
    """
    choice = (
        Choice(config_path, "as asked")
        if config_path
        else choose_configuration(dataset_paths, dataset_dir)
    )
    config = load_configuration(choice.path)
    found = importances(
        storage or config.study.storage,
        study_name or _study_of(config),
        config.study.seed,
        must_exist=study_name is not None,
    )
    material = load_material(config, dataset_paths, dataset_dir, on_cases)
    sanity = load_sanity(config, material.workspace)
    tuning = material.tuning.answerable()
    objective = WeightObjective(tuning, sanity.bank, config.objective)
    effects = weight_effects(objective, config.weights, SearchSpace(config.study.bounds))
    return WeightsReport(
        config=choice.path,
        why=choice.reason,
        value=objective.evaluate(config.weights).value,
        sites=tuple(objective.sites),
        n_cases=len(tuning.cases),
        n_sanity_cases=len(sanity.bank.cases),
        confidence=CONFIDENCE,
        weights=tuple(WeightMeaning(effect, sentence(effect)) for effect in effects),
        without_effect=tuple(effect.name for effect in effects if not effect.has_effect),
        importances=found,
        bad_records=material.loaded.bad_records,
    )


def _study_of(config: Configuration) -> str:
    exported_from = (config.provenance or {}).get("study")
    return str(exported_from) if exported_from else default_study_name(config.study)
