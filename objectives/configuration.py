"""Read ``config.yaml``: the one place where defaults live."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from engine.decision.settings import Calibration, DecisionSettings, Judgement
from engine.ranking.weights import FEATURE_OF, OTHERS, Weights
from engine.settings import Finite, RetrievalSettings, Section, Share
from support.errors import ConfigurationError, InputFileError, hide_passwords
from support.hashing import hash_of
from support.identifiers import mask
from support.installation import BUILTIN_FILES
from support.model_problems import first_problem, missing_keys
from support.safe_yaml import read_yaml

DEFAULT_CONFIG = Path("config.yaml")
_EXAMPLE = str(BUILTIN_FILES / DEFAULT_CONFIG)

Positive = Annotated[int, Field(ge=1, strict=True)]
NotNegative = Annotated[int, Field(ge=0, strict=True)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]


def site_key(site: str) -> str:
    """Return the name of a site as it is compared: in capitals, single blanks."""
    return " ".join(site.upper().split())


Site = Annotated[str, AfterValidator(site_key)]
Bounds = tuple[Finite, Finite]


def _known_weight(name: str) -> str:
    if name not in FEATURE_OF:
        raise ValueError(f"no such weight; there are {', '.join(FEATURE_OF)}")
    return name


def _within_limits(bounds: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    for name, (low, high) in bounds.items():
        kind = FEATURE_OF[name].kind
        lowest, highest = kind.limits
        if kind.is_share:
            raise ValueError(f"{name} is a share of a whole and has no bounds")
        if not lowest <= low < high <= highest:
            raise ValueError(f"{name} must be [low, high] within [{lowest}, {highest}]")
    return bounds


def _with_defaults(bounds: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Add the default range of every weight that is no share and has no bounds."""
    return {f.weight: bounds.get(f.weight, f.default_range) for f in OTHERS}


WeightName = Annotated[str, AfterValidator(_known_weight)]
SomeBounds = Annotated[dict[WeightName, Bounds], AfterValidator(_within_limits)]
AllBounds = Annotated[SomeBounds, AfterValidator(_with_defaults)]


class DataSettings(Section):
    """Where the inputs are; paths relative to the current folder, else to the built-in files."""

    catalogue: Path
    slots: Path
    training_dir: Path
    sanity: Path
    consistency_groups: Path


class SplitSettings(Section):
    """Which site (DATA_SOURCE) serves for what; no site serves twice."""

    tuning: list[Site]
    gate: list[Site]
    test: list[Site]

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        sites = [*self.tuning, *self.gate, *self.test]
        twice = sorted({site for site in sites if sites.count(site) > 1})
        if twice:
            raise ValueError(f"the site {twice[0]!r} is listed twice")
        return self


class TrainingSettings(Section):
    """Defaults of a training run."""

    experiment_name: str
    chunk_size: Positive
    max_workers: Positive
    checkpoint_interval: Positive
    memory_cleanup_interval: Positive
    validation_split: Annotated[float, Field(ge=0.0, lt=1.0, strict=True)]
    seed: NotNegative
    resume_from_checkpoint: Annotated[bool, Field(strict=True)]
    storage: str
    log_dir: Path


class ObjectiveSettings(Section):
    """How a set of weights is valued."""

    sanity_weight: Share
    seed: NotNegative
    n_rungs: Positive

    def cut(self, n_rungs: int) -> ObjectiveSettings:
        """Return the same with another number of rungs; values stay what they are."""
        return self.model_copy(update={"n_rungs": n_rungs})


class MedianSettings(Section):
    """Trials that must have ended, and have reported at a rung, before any is stopped there."""

    n_startup_trials: NotNegative
    n_min_trials: Positive


class HalvingSettings(Section):
    """One in how many trials goes on."""

    reduction_factor: Annotated[int, Field(ge=2, strict=True)]


class WilcoxonSettings(Section):
    """How sure the test must be."""

    p_threshold: Annotated[float, Field(gt=0.0, lt=1.0, strict=True)]


class PrunerSettings(Section):
    """Settings of the pruners that have any."""

    median: MedianSettings
    successive_halving: HalvingSettings
    hyperband: HalvingSettings
    wilcoxon: WilcoxonSettings


class StudySettings(Section):
    """Defaults of a study."""

    storage: str
    strategy: str
    seed: NotNegative
    max_experiments: Positive
    timeout: Seconds | None
    early_stopping_threshold: Share | None
    patience: Positive | None
    output: Path
    pruner: str
    pruners: PrunerSettings
    n_random_vectors: Positive
    bounds: AllBounds
    grid: dict[WeightName, Annotated[list[Finite], Field(min_length=1)]]


class GateSettings(Section):
    """The paired bootstrap of gold rows at the gate sites."""

    n_resamples: Positive
    confidence: Annotated[float, Field(gt=0.5, lt=1.0, strict=True)]
    seed: NotNegative


class ComputeSettings(Section):
    """When and how cases are shared out among compute workers; changes no result."""

    least_cases: NotNegative
    cases_per_shard: Positive | None


class Configuration(Weights):
    """A complete configuration; every key but ``provenance`` is required.

    ``provenance`` says how an exported configuration came about; it changes nothing.
    """

    retriever_top_k: Annotated[int, Field(ge=1, le=1000, strict=True)]
    retrieval: RetrievalSettings
    decision: DecisionSettings
    data: DataSettings
    split: SplitSettings
    training: TrainingSettings
    objective: ObjectiveSettings
    study: StudySettings
    gate: GateSettings
    compute: ComputeSettings
    calibration: Calibration
    provenance: dict[str, Any] | None = None

    @property
    def weights(self) -> Weights:
        """The weights alone."""
        return Weights.model_validate(self.model_dump(include=set(Weights.model_fields)))

    @property
    def judgement(self) -> Judgement:
        """What turns facts into answers."""
        return Judgement(self.weights, self.calibration, self.decision)

    @property
    def results_sha256(self) -> str:
        """The hash of all that changes what a training run finds, its inputs apart."""
        apart = {"provenance", "data", "training", "objective", "study", "gate", "compute"}
        return hash_of(self.model_dump(mode="json", exclude=apart))

    @property
    def sha256(self) -> str:
        """The hash of everything but the provenance and what changes the speed alone."""
        return hash_of(self.model_dump(mode="json", exclude={"provenance", "compute"}))

    def with_weights(self, weights: Weights) -> Configuration:
        """Return the same configuration with other weights."""
        return self.model_copy(update=dict(weights))


class LoadedConfiguration(NamedTuple):
    """A configuration that was read from a file.

    Attributes
    ----------
    configuration : Configuration
    note : str
        One line about the keys that the file leaves to the defaults; empty when it has them all.
        Passwords and identifiers are hidden.
    """

    configuration: Configuration
    note: str


def load_configuration(path: Path = DEFAULT_CONFIG) -> Configuration:
    """Read and check a configuration file, without the note of `load_with_note`."""
    return load_with_note(path).configuration


def load_with_note(path: Path = DEFAULT_CONFIG) -> LoadedConfiguration:
    """Read and check a configuration file; a key that is missing is as in the built-in one.

    Raises
    ------
    InputFileError
        When the file cannot be read.
    ConfigurationError
        Names the file and the key that is unknown or out of range.
    """
    path = resolve(path)
    document = read_yaml(path, _EXAMPLE)
    try:
        return LoadedConfiguration(Configuration.model_validate(document), note="")
    except ValidationError as error:
        missing = missing_keys(error)
        if not missing:
            raise ConfigurationError(f"{path}: {first_problem(error, Configuration)}") from None
    defaults = _defaults()
    used: dict[tuple[str, ...], object] = {}
    for path_of_key in missing:
        # a calibration is one value: numbers of different fits are none
        keys = path_of_key[:1] if path_of_key[0] == "calibration" else path_of_key
        used[keys] = reduce(getitem, keys, defaults)
        document = _with_value(document, keys, used[keys])
    note = hide_passwords(_note(used))
    try:
        configuration = Configuration.model_validate(document)
    except ValidationError as error:  # the defaults do not go with the other values
        problem = first_problem(error, Configuration)
        raise ConfigurationError(f"{path}: {problem}; {note}") from None
    return LoadedConfiguration(configuration, f"{mask(str(path))}: {note}")


def _defaults() -> dict[str, Any]:
    path = BUILTIN_FILES / DEFAULT_CONFIG
    try:
        return Configuration.model_validate(read_yaml(path, _EXAMPLE)).model_dump(mode="json")
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {first_problem(error, Configuration)}") from None


def _with_value(section: Mapping[str, Any], keys: Sequence[str], value: object) -> dict[str, Any]:
    """Return a section with a value at the end of a path of keys."""
    first, *rest = keys
    return {**section, first: _with_value(section[first], rest, value) if rest else value}


def _note(used: Mapping[tuple[str, ...], object]) -> str:
    """Say which keys are missing and what is used instead; of a whole section only its name."""
    said = {
        ".".join(keys): "" if isinstance(value, dict) else f" ({json.dumps(value)})"
        for keys, value in used.items()
    }
    if len(said) == 1:
        [(key, value)] = said.items()
        return f"no {key}; the default is used{value}"
    keys = ", ".join(f"{key}{value}" for key, value in said.items())
    return f"no {keys}; the defaults are used"


def resolve(path: Path) -> Path:
    """Find a file: from the current folder, else among the built-in files."""
    try:
        if path.is_absolute() or path.exists():
            return path
        builtin = BUILTIN_FILES / path
        return builtin if builtin.exists() else path
    except OSError as error:
        raise InputFileError(f"{path!s:.60}: no usable path ({error.strerror})") from None
