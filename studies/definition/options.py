"""What a user may say about a study, and what that means together with ``config.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from objectives.configuration import (
    DEFAULT_CONFIG,
    Configuration,
    LoadedConfiguration,
    StudySettings,
    load_with_note,
)
from studies.definition.definition import StudyDefinition
from studies.definition.study_file import StudyFile, load_study_file, naming
from studies.pruners import Pruner, pruner_named
from studies.samplers import Problem, Strategy, strategy_named
from studies.stopping import StoppingRules
from support.errors import ConfigurationError
from support.model_problems import first_problem

if TYPE_CHECKING:
    from objectives.objective import WeightObjective
    from objectives.search_space import SearchSpace

_Value = TypeVar("_Value")
_OVERRIDES = (
    "max_experiments",
    "strategy",
    "pruner",
    "early_stopping_threshold",
    "patience",
    "timeout",
    "seed",
    "storage",
    "output",
)


@dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """How a study differs from its study file and ``config.yaml``; None: as they say.

    Attributes
    ----------
    max_experiments : int, optional
        Trials of the study in all, those of earlier runs included.
    strategy : str, optional
        ``auto`` or one of `studies.samplers.STRATEGIES`.
    pruner : str, optional
        ``bound``, ``none`` or one of `studies.pruners.PRUNERS`.
    early_stopping_threshold : float, optional
        Stop when the best value reaches it, [0, 1].
    patience : int, optional
        Stop after this many trials without a better value.
    timeout : float, optional
        Seconds that one run may take.
    warm_start : str, optional
        A study whose best trials are tried first.
    seed : int, optional
    storage : str, optional
        SQLAlchemy URL.
    output : Path, optional
        Where the exported configuration goes.
    config_path : Path
        The baseline configuration; the default gives way to the study file's.
    dataset_dir : Path, optional
        Folder of training files.
    study_file : Path, optional
        ``studies/NAME.yaml``, which lies between these options and the configuration.
    allow_outside : bool
        Whether paths in the study file may leave the project.
    anatomy_weights, modality_weights, laterality_weights : sequence of float
        Values to try. ``grid_search`` tries every combination of the lists that are given
        (instead of the configuration's grid); the other strategies stay between the smallest
        and the largest value.
    contrast_weights, technique_weights, semantic_weights, frequency_weights : sequence of float
        Likewise.
    grid : mapping of str to sequence of float
        Likewise for any weight by its name.
    """

    max_experiments: int | None = None
    strategy: str | None = None
    pruner: str | None = None
    early_stopping_threshold: float | None = None
    patience: int | None = None
    timeout: float | None = None
    warm_start: str | None = None
    seed: int | None = None
    storage: str | None = None
    output: Path | None = None
    config_path: Path = DEFAULT_CONFIG
    dataset_dir: Path | None = None
    study_file: Path | None = None
    allow_outside: bool = False
    anatomy_weights: Sequence[float] = ()
    modality_weights: Sequence[float] = ()
    laterality_weights: Sequence[float] = ()
    contrast_weights: Sequence[float] = ()
    technique_weights: Sequence[float] = ()
    semantic_weights: Sequence[float] = ()
    frequency_weights: Sequence[float] = ()
    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def listed(self) -> dict[str, list[float]]:
        """The values to try, by weight name."""
        lists = {
            "anatomy_weight": self.anatomy_weights,
            "modality_weight": self.modality_weights,
            "laterality_weight": self.laterality_weights,
            "contrast_weight": self.contrast_weights,
            "technique_weight": self.technique_weights,
            "semantic_weight": self.semantic_weights,
            "frequency_weight": self.frequency_weights,
            **self.grid,
        }
        return {name: [float(v) for v in values] for name, values in lists.items() if values}

    @cached_property
    def loaded_file(self) -> StudyFile | None:
        """The study file, read once; None of none."""
        if self.study_file is None:
            return None
        return load_study_file(self.study_file, allow_outside=self.allow_outside)

    @property
    def baseline_path(self) -> Path:
        """The configuration file: the one asked for, else the study file's, else the default."""
        file = self.loaded_file
        if file is None or file.config is None or self.config_path != DEFAULT_CONFIG:
            return self.config_path
        return file.config

    @cached_property
    def baseline(self) -> LoadedConfiguration:
        """The baseline configuration, read once."""
        path = self.baseline_path
        if path is self.config_path:
            return load_with_note(path)
        with naming(f"{self.study_file}: config"):
            return load_with_note(path)

    def definition(
        self, dataset_paths: Sequence[Path] = (), study_name: str | None = None
    ) -> StudyDefinition:
        """Lay these options over the study file, and that over the configuration.

        Parameters
        ----------
        dataset_paths : sequence of Path
            Training files; those of the study file when empty, unless there is a folder.
        study_name : str, optional
            The study file's, else ``STRATEGY-seed-SEED``, when not given.

        Raises
        ------
        RadTuneError
            Names the file or the option that cannot be used.
        """
        file = self.loaded_file or StudyFile(name="none")
        config = self.baseline.configuration
        with naming(str(self.study_file)):
            laid = file.laid_over(config)
        settings = self.study_settings(laid)
        folder = {} if self.dataset_dir is None else {"training_dir": self.dataset_dir}
        of_file = () if folder else file.data.files
        is_grid = settings.strategy == "grid_search"
        said = {
            "name": study_name or (file.name if self.study_file else default_study_name(settings)),
            "configuration": laid.model_copy(
                update={"study": config.study, "data": laid.data.model_copy(update=folder)}
            ),
            "baseline": config.sha256,
            "study": settings,
            "dataset_files": tuple(dataset_paths) or of_file,
            "ranges": {} if is_grid else {**file.ranges, **self.ranges(settings)},
            "constraints": file.constraints,
            "warm_start": _first(self.warm_start, file.warm_start),
        }
        try:
            definition = StudyDefinition.model_validate(
                {name: value for name, value in said.items() if value is not None}
            )
        except ValidationError as error:
            raise ConfigurationError(first_problem(error, StudyDefinition)) from None
        check_runnable(definition)
        return definition

    def study_settings(self, config: Configuration) -> StudySettings:
        """Lay these options over the configuration's section ``study``.

        Raises
        ------
        ConfigurationError
            Names the option that is out of range.
        """
        given = {name: getattr(self, name) for name in _OVERRIDES}
        changed = {name: value for name, value in given.items() if value is not None}
        if self.listed:
            changed["grid"] = self.listed
        try:
            return StudySettings.model_validate({**config.study.model_dump(), **changed})
        except ValidationError as error:
            raise ConfigurationError(first_problem(error, StudySettings)) from None

    def ranges(self, settings: StudySettings) -> dict[str, tuple[float, float]]:
        """Return the ranges that the lists mean for a strategy that walks no grid."""
        if settings.strategy == "grid_search":
            return {}
        return {name: (min(values), max(values)) for name, values in self.listed.items()}


def _first(option: _Value | None, of_file: _Value | None) -> _Value | None:
    return of_file if option is None else option


def default_study_name(settings: StudySettings) -> str:
    """Return the name of a study that was given none."""
    return f"{settings.strategy}-seed-{settings.seed}"


def make_strategy(
    config: Configuration,
    settings: StudySettings,
    space: SearchSpace,
    objective: WeightObjective,
    most_critical: Mapping[str, int] = MappingProxyType({}),
) -> Strategy:
    """Build the strategy of a study.

    Raises
    ------
    ConfigurationError
        When the strategy is unknown, or the grid has too many points or shares above the whole.
    """
    grid = {str(name): values for name, values in settings.grid.items()}
    problem = Problem(config.weights, space, objective, grid, settings.seed, most_critical)
    return strategy_named(settings.strategy)(problem)


def make_pruner(config: Configuration, settings: StudySettings) -> Pruner:
    """Build the pruner of a study.

    Raises
    ------
    ConfigurationError
        When the pruner is unknown, or needs more rungs than the objective has.
    """
    pruner = pruner_named(settings.pruner)
    return pruner(settings.pruners, config.objective.n_rungs, settings.seed)


def check_runnable(definition: StudyDefinition) -> Pruner:
    """Refuse a strategy or a pruner that is none; return the pruner.

    Raises
    ------
    ConfigurationError
    """
    strategy_named(definition.study.strategy)  # or else
    return make_pruner(definition.configuration, definition.study)


def stopping_rules(settings: StudySettings) -> StoppingRules:
    """Return the rules that may end a study before its budget."""
    return StoppingRules(
        threshold=settings.early_stopping_threshold,
        timeout=settings.timeout,
        patience=settings.patience,
    )
