"""The complete definition of a study: stored with it, and read by every worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from engine.settings import Section
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.configuration import (
    Bounds,
    Configuration,
    NotNegative,
    StudySettings,
)
from objectives.search_space import SearchSpace
from support.databases import without_password
from support.errors import ConfigurationError, StudyError, hide_passwords, shown
from support.model_problems import first_problem

LONGEST_NAME = 100  # characters


def _study_name(name: str) -> str:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(
            f"the name of a study has 1 to {LONGEST_NAME} characters, all of which can be "
            f"printed, found {shown(name):.60}"
        )
    return name


def _critical_kind(kind: str) -> str:
    if kind not in CRITICAL_KINDS:
        raise ValueError(
            f"there is no such kind of critical error; there are {', '.join(CRITICAL_KINDS)}"
        )
    return kind


def _without_provenance(config: Configuration) -> Configuration:
    return config.model_copy(update={"provenance": None})


StudyName = Annotated[str, AfterValidator(_study_name)]
CriticalKind = Annotated[str, AfterValidator(_critical_kind)]


class StudyDefinition(Section):
    """All that a study is: configuration, study file and options in one.

    Attributes
    ----------
    name : str
        Of the study in the database.
    configuration : Configuration
        The baseline, with the study's data and sites; its section ``study`` is the file's own,
        its provenance is left out.
    baseline : str
        Hash of the configuration file as it was read (`Configuration.sha256`).
    study : StudySettings
        The section ``study`` with everything that the study file and the options change.
    dataset_files : tuple of Path
        When empty, every file of ``configuration.data.training_dir``.
    ranges : dict
        Weight to its narrower range, [low, high].
    constraints : dict
        Kind of critical error to the most that a trial may have at the tuning sites.
    warm_start : str, optional
        A study whose best trials are tried first.
    """

    name: StudyName
    configuration: Annotated[Configuration, AfterValidator(_without_provenance)]
    baseline: str
    study: StudySettings
    dataset_files: tuple[Path, ...] = ()
    ranges: dict[str, Bounds] = Field(default_factory=dict)
    constraints: dict[CriticalKind, NotNegative] = Field(default_factory=dict)
    warm_start: StudyName | None = None

    @property
    def space(self) -> SearchSpace:
        """Where trials may go."""
        return SearchSpace(self.study.bounds, self.ranges)

    @model_validator(mode="after")
    def _has_a_space(self) -> Self:
        _ = self.space  # or else
        return self

    def as_document(self) -> dict[str, Any]:
        """Return what JSON can write, without passwords; floats keep every bit."""
        document = self.model_dump(mode="json")
        settings = document["configuration"]
        for section in (document["study"], settings["study"], settings["training"]):
            section["storage"] = hide_passwords(without_password(section["storage"]))
        return document

    @classmethod
    def from_document(cls, document: object, name: str | None = None) -> Self:
        """Read what `as_document` gave.

        Parameters
        ----------
        document : object
        name : str, optional
            Of the study that it was stored with, for the message.

        Raises
        ------
        StudyError
            When it is damaged.
        """
        if name is None and isinstance(document, dict):
            name = str(document.get("name", ""))[:LONGEST_NAME]
        try:
            return cls.model_validate(document)
        except (ValidationError, ConfigurationError) as error:
            why = first_problem(error, cls) if isinstance(error, ValidationError) else error
            raise StudyError(
                f"study {name or ''!r}: its definition cannot be read ({why}): its database was "
                "damaged or changed by another program; restore it, or start another study with "
                "--study-name NAME"
            ) from None
