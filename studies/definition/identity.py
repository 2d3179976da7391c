"""What a study belongs to: its data, configuration and engine. Another one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from studies.storage.trial_records import reading
from support.engine_version import engine_sha256
from support.errors import StudyError
from support.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from objectives.cases.cases import CaseSet
    from objectives.workspace import Workspace
    from studies.definition.definition import StudyDefinition

_ATTRIBUTE = "identity"
_FORM = 4  # raise it when a record lacks something that a later one has
_NOT_PART = {"provenance", "training", "decision", "calibration", "data", "compute"}
_SHOWN = {"the strategy", "the pruner", "the seed"}
_STUDY_PART = {"pruners", "bounds", "grid"}


class DataHashes(NamedTuple):
    """SHA-256 of every input of a study.

    Attributes
    ----------
    catalogue, slots, sanity : str
    usage : str
        Of what was learned about the usage of the rows.
    cases : dict
        Name of each training file to its hash.
    """

    catalogue: str
    slots: str
    sanity: str
    usage: str
    cases: dict[str, str]


class Identity(NamedTuple):
    """What must stay the same while a study goes on.

    Attributes
    ----------
    data : DataHashes
    engine : str
        Hash of the engine's code and vocabulary.
    configuration : str
        Hash of what decides the value of a trial and where trials may go.
    strategy, pruner : str
    seed : int
    """

    data: DataHashes
    engine: str
    configuration: str
    strategy: str
    pruner: str
    seed: int


def data_hashes(workspace: Workspace, sanity: CaseSet, cases: CaseSet) -> DataHashes:
    """Collect the hashes of the inputs of a study."""
    (sanity_sha256,) = sanity.sha256.values()
    return DataHashes(
        catalogue=workspace.catalogue_sha256,
        slots=workspace.truth.sha256,
        sanity=sanity_sha256,
        usage=workspace.usage.sha256,
        cases=dict(sorted(cases.sha256.items())),
    )


def make_identity(definition: StudyDefinition, data: DataHashes) -> Identity:
    """Describe a study that starts now; budgets, paths and thresholds are no part of it."""
    study = definition.study
    settings = definition.configuration.model_dump(mode="json", exclude=_NOT_PART)
    settings["study"] = study.model_dump(mode="json", include=_STUDY_PART)
    narrowed = {name: list(bounds) for name, bounds in definition.ranges.items()}
    return Identity(
        data,
        engine_sha256(),
        hash_of([settings, narrowed, definition.constraints]),
        study.strategy,
        study.pruner,
        study.seed,
    )


def claim(study: optuna.Study, identity: Identity) -> None:
    """Mark a new study as belonging to `identity`, or check that an old one does.

    Within `studies.storage.study_queue.submitting`, or two processes could both take it for new.

    Raises
    ------
    StudyError
        Says what has changed since the study began.
    """
    now = _document(identity)
    with reading(study.study_name):
        stored = study.user_attrs.get(_ATTRIBUTE)
        if stored is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(_ATTRIBUTE, now)
            stored = study.user_attrs[_ATTRIBUTE]
    if not isinstance(stored, dict):
        raise StudyError(
            f"study {study.study_name!r} was not made by this program; "
            "give another name with --study-name"
        )
    changed = _changes(stored, now)
    if changed:
        raise StudyError(
            f"study {study.study_name!r} cannot go on: {', '.join(changed)}; start another one "
            "with --study-name NAME, or restore what it began with"
        )


def _document(identity: Identity) -> dict[str, object]:
    return {
        "the catalogue": identity.data.catalogue,
        "the slots of its rows": identity.data.slots,
        "the sanity set": identity.data.sanity,
        "the usage of its rows": identity.data.usage,
        "the training files": identity.data.cases,
        "the configuration": identity.configuration,
        "the engine": identity.engine,
        "the strategy": identity.strategy,
        "the pruner": identity.pruner,
        "the seed": identity.seed,
        "the form of its records": _FORM,
    }


def _changes(stored: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Say in words what differs."""
    changes = []
    for what, value in now.items():
        before = stored.get(what)
        if before == value:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            files = sorted(
                name for name in {*value, *before} if value.get(name) != before.get(name)
            )
            changes.append(f"{what} changed ({', '.join(files)})")
        elif what in _SHOWN:
            changes.append(f"{what} was {before}, now {value}")
        else:
            changes.append(f"{what} changed")
    return changes
