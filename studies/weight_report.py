"""What the weights of a configuration mean on the tuning sites and the sanity set."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from objectives.bank.feature_bank import silent
from objectives.configuration import load_configuration
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from objectives.weight_effects import CONFIDENCE, weight_effects
from studies.config_selection import Choice, choose_configuration
from studies.datasets import load_material, load_sanity
from studies.definition.options import default_study_name
from studies.importance import importances

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from objectives.bank.feature_bank import OnCases
    from objectives.cases.cases import BadRecord
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


def sentence(effect: WeightEffect) -> str:
    """Say how far a weight may move, what is lost without it, and what is dangerous."""
    low, high = effect.within_noise
    head = f"{effect.name} {effect.value:.3f}: "
    dangers = more_dangerous(effect)
    if effect.has_effect:
        parts = [_how_far(effect), *([dangers] if dangers else []), _without(effect)]
        return head + "; ".join(parts) + "."
    verdict = (
        f"it has no effect on the objective, but {dangers}" if dangers else "it has no effect here"
    )
    return (
        f"{head}nothing changes measurably between {low:.3f} and {high:.3f}, and without it "
        f"nothing is lost: {verdict}."
    )


def more_dangerous(effect: WeightEffect) -> str:
    """Say where critical errors become more frequent though the objective is as good.

    Returns
    -------
    str
        Empty when they become so nowhere.
    """
    (low, high), (safe_low, safe_high) = effect.within_noise, effect.as_safe
    words = []
    if safe_low > low:
        words.append(f"below {safe_low:.3f}")
    if safe_high < high:
        words.append(f"above {safe_high:.3f}")
    return f"more critical errors {' and '.join(words)}" if words else ""


def _how_far(effect: WeightEffect) -> str:
    low, high = effect.within_noise
    words = (
        f"anything from {low:.3f} to {high:.3f} is as good"
        if low < high
        else "the least change is measurable"
    )
    if effect.best:
        words += f", {effect.best.at:.3f} is better by {_points(effect.best.gain)}"
    return words


def _without(effect: WeightEffect) -> str:
    if effect.value == 0:
        return "it is 0 already"
    words = "without it nothing is lost measurably"
    if effect.is_missed:
        words = f"without it {_points(effect.lost_without)} are lost"
    elif effect.lost_without < -effect.noise_without:
        words = f"without it {_points(-effect.lost_without)} are won"
    more = [f"{kind} {n:+d}" for kind, n in effect.critical_without.items()]
    return f"{words} (critical errors: {', '.join(more)})" if more else words


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"
