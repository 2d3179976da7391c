"""A study as a file, ``studies/NAME.yaml``: what it does otherwise than the configuration."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo

from engine.settings import Finite, Section, Share
from objectives.configuration import (
    Bounds,
    Configuration,
    DataSettings,
    NotNegative,
    Positive,
    Seconds,
    Site,
    SomeBounds,
    SplitSettings,
    StudySettings,
    WeightName,
    resolve,
)
from objectives.search_space import SearchSpace
from studies.definition.definition import CriticalKind, StudyName
from studies.definition.project_paths import Project
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES
from support.errors import ConfigurationError, RadTuneError
from support.model_problems import first_problem
from support.safe_yaml import read_yaml
from support.unknown_names import unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

EXAMPLE = Path("studies", "every-key.yaml")
_SectionT = TypeVar("_SectionT", bound=Section)


def _one_of(name: str, names: Collection[str]) -> str:
    if name not in names:
        raise ValueError(unknown(name, names))
    return name


def _in_project(path: Path, info: ValidationInfo) -> Path:
    project: Project | None = info.context
    return project.locate(path) if project else path


_ProjectPath = Annotated[Path, AfterValidator(_in_project)]
_Strategy = Annotated[str, AfterValidator(lambda name: _one_of(name, STRATEGIES))]
_Pruner = Annotated[str, AfterValidator(lambda name: _one_of(name, PRUNERS))]
_Values = Annotated[list[Finite], Field(min_length=1)]


class DataPart(Section):
    """Other inputs than the configuration's.

    Attributes
    ----------
    catalogue, slots, sanity : Path, optional
    training_dir : Path, optional
        Folder of training files.
    files : tuple of Path
        Only these training files; when empty, every file of the folder.
    """

    catalogue: _ProjectPath | None = None
    slots: _ProjectPath | None = None
    sanity: _ProjectPath | None = None
    training_dir: _ProjectPath | None = None
    files: tuple[_ProjectPath, ...] = ()


class SitesPart(Section):
    """Other sites than the configuration's ``split``, for some or all of its purposes."""

    tuning: list[Site] | None = None
    gate: list[Site] | None = None
    test: list[Site] | None = None


class SpacePart(Section):
    """Where trials may go.

    Attributes
    ----------
    bounds : dict
        Some or all of the configuration's ``study.bounds``.
    ranges : dict
        Of any weight, [low, high], in the place of its bounds; a share without one has none.
        For every strategy but ``grid_search``.
    grid : dict
        In the place of the configuration's ``study.grid``, for ``grid_search`` only.
    """

    bounds: SomeBounds = Field(default_factory=dict)
    ranges: dict[WeightName, Bounds] = Field(default_factory=dict)
    grid: dict[WeightName, _Values] = Field(default_factory=dict)


class BudgetPart(Section):
    """When the study ends; null switches a rule off that the configuration has on."""

    trials: Positive | None = None
    timeout: Seconds | None = None
    patience: Positive | None = None
    early_stopping_threshold: Share | None = None


class StudyFile(Section):
    """What a study file says; what it leaves out is as in the configuration.

    Attributes
    ----------
    name : str
        Of the study in the database.
    config : Path, optional
        The baseline configuration.
    data : DataPart
    sites : SitesPart
    space : SpacePart
    strategy, pruner : str, optional
    budget : BudgetPart
    constraints : dict
        Kind of critical error to the most that a trial may have at the tuning sites.
    seed : int, optional
    warm_start : str, optional
        A study whose best trials are tried first.
    output : Path, optional
        Where the exported configuration goes.
    """

    name: StudyName
    config: _ProjectPath | None = None
    data: DataPart = DataPart()
    sites: SitesPart = SitesPart()
    space: SpacePart = SpacePart()
    strategy: _Strategy | None = None
    pruner: _Pruner | None = None
    budget: BudgetPart = BudgetPart()
    constraints: dict[CriticalKind, NotNegative] = Field(default_factory=dict)
    seed: NotNegative | None = None
    warm_start: StudyName | None = None
    output: _ProjectPath | None = None

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The ranges by weight name."""
        return self.space.ranges

    def laid_over(self, config: Configuration) -> Configuration:
        """Lay the file over a configuration: its sections ``data``, ``split`` and ``study``.

        Raises
        ------
        ConfigurationError
            Names the key that does not go together with the configuration.
        """
        study = config.study
        bounds = {**study.bounds, **self.space.bounds}
        changed = config.model_copy(
            update={
                "data": _laid(DataSettings, "data", config.data, self._data),
                "split": _laid(SplitSettings, "sites", config.split, _given(self.sites)),
                "study": _laid(StudySettings, "study", study, {**self._study, "bounds": bounds}),
            }
        )
        with naming("space.ranges"):
            SearchSpace(bounds, self.ranges)  # or else
        return changed

    @property
    def _data(self) -> dict[str, object]:
        given = _given(self.data)
        given.pop("files", None)
        return given

    @property
    def _study(self) -> dict[str, object]:
        budget = self.budget.model_dump(exclude_unset=True)
        trials = budget.pop("trials", None)
        given = {
            "max_experiments": trials,
            "strategy": self.strategy,
            "pruner": self.pruner,
            "seed": self.seed,
            "output": self.output,
            "grid": self.space.grid or None,
        }
        return {**budget, **{name: value for name, value in given.items() if value is not None}}


def load_study_file(path: Path, *, allow_outside: bool = False) -> StudyFile:
    """Read and check a study file.

    Its paths are relative to the project: the checkout for a file that lies in it, else the
    current folder.

    Parameters
    ----------
    path : Path
        Relative to the current folder, else one of the built-in files.
    allow_outside : bool
        Whether paths in the file may leave the project.

    Raises
    ------
    InputFileError
        When the file cannot be read.
    ConfigurationError
        Names the file and the key that is unknown, out of range or leaves the project.
    """
    path = resolve(path)
    document = read_yaml(path, str(resolve(EXAMPLE)))
    try:
        return StudyFile.model_validate(
            {"name": path.stem, **document},
            context=Project.of(path, allow_outside=allow_outside),
        )
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {first_problem(error, StudyFile)}") from None


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Name a file, and a key, in front of a mistake that is found within the block.

    Raises
    ------
    RadTuneError
        Of the kind that it was.
    """
    try:
        yield
    except RadTuneError as error:
        raise type(error)(f"{where}: {error}") from None


def _given(part: Section) -> dict[str, object]:
    return part.model_dump(exclude_none=True)


def _laid(
    model: type[_SectionT], key: str, below: _SectionT, changes: Mapping[str, object]
) -> _SectionT:
    try:
        return model.model_validate({**below.model_dump(), **changes})
    except ValidationError as error:
        raise ConfigurationError(f"{key}: {first_problem(error, model)}") from None
