"""Put a study into the database, and open it for work: the same for every process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import optuna

from objectives.objective import WeightObjective
from studies.coordinator import Coordinator
from studies.datasets import Inputs, Material, load_sanity, make_material, read_inputs
from studies.definition.definition import StudyDefinition
from studies.definition.identity import Identity, claim, data_hashes, make_identity
from studies.definition.options import check_runnable, make_strategy
from studies.definition.provenance import code_version, command_line
from studies.storage.study_queue import offer, submitting
from studies.storage.trial_records import reading
from studies.warm_start import fix_warm_start, read_warm_start
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.storages import RDBStorage

    from objectives.shards.resources import ComputeResources
    from studies.progress import Progress
    from studies.storage.ownership import Ownership

_DEFINITION = "definition"
_SUBMITTED = "submitted"
_CODE_VERSION = "code_version"


class Search(NamedTuple):
    """A study that is open for work in this process.

    Attributes
    ----------
    definition : StudyDefinition
    study : optuna.Study
    coordinator : Coordinator
    material : Material
    identity : Identity
    """

    definition: StudyDefinition
    study: optuna.Study
    coordinator: Coordinator
    material: Material
    identity: Identity


def create(name: str, storage: RDBStorage) -> optuna.Study:
    """Make a study of this name, or open the one that there is."""
    return optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True
    )


def submit(
    definition: StudyDefinition, storage: RDBStorage, inputs: Inputs | None = None
) -> Inputs:
    """Put a study into the database for workers to run; an existing one of this name goes on.

    What it is, what its data hash to, which version of the code and which command line it came
    from are kept with it.

    Parameters
    ----------
    definition : StudyDefinition
    storage : RDBStorage
    inputs : Inputs, optional
        Of the study, when they have been read already.

    Returns
    -------
    Inputs
        What was read to know its data.

    Raises
    ------
    RadTuneError
        When data or definition cannot be used, or the study began with others.
    """
    check_runnable(definition)
    inputs = inputs or read_inputs(definition.configuration, definition.dataset_files)
    study = create(definition.name, storage)
    with submitting(storage, definition.name):
        claim(study, _identity(definition, inputs))
        current = definition.configuration.weights
        fix_warm_start(storage, study, definition.warm_start, definition.space, current)
        study.set_user_attr(_DEFINITION, definition.as_document())
        study.set_user_attr(
            _SUBMITTED,
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "command_line": command_line(),
                _CODE_VERSION: code_version(),
            },
        )
        offer(storage, definition.name, definition.study.max_experiments)
    return inputs


def definition_of(study: optuna.Study) -> StudyDefinition:
    """Return what a submitted study is.

    Raises
    ------
    StudyError
        When it was never submitted, or its definition is damaged.
    """
    with reading(study.study_name):
        document = study.user_attrs.get(_DEFINITION)
    if document is None:
        raise StudyError(
            f"study {study.study_name!r} was never submitted; `radtune submit STUDY.yaml` does it"
        )
    return StudyDefinition.from_document(document, study.study_name)


def join(
    ownership: Ownership,
    compute: ComputeResources,
    progress: Progress,
    *,
    inputs: Inputs | None = None,
    definition: StudyDefinition | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Search:
    """Open a submitted study, which this process owns, for work.

    Parameters
    ----------
    ownership : Ownership
    compute : ComputeResources
    progress : Progress
    inputs : Inputs, optional
        Of the study, when they have been read already.
    definition : StudyDefinition, optional
        What this process knows it to be; what is stored with the study when not given.
    is_stopped : callable
        Asked while banks are built; when it says yes, KeyboardInterrupt is raised: what is built
        so far is kept.

    Raises
    ------
    RadTuneError
        When there is no such study, or the data here are not those that it began with.
    """
    study = ownership.study
    name = study.study_name
    definition = definition or definition_of(study)
    config = definition.configuration
    pruner = check_runnable(definition)
    inputs = inputs or read_inputs(config, definition.dataset_files, executor=compute.executor())
    identity = _identity(definition, inputs)
    claim(study, identity)
    if study.user_attrs.get(_SUBMITTED, {}).get(_CODE_VERSION) != code_version():
        progress.say(f"study {name!r} was submitted by another version of this program")

    def on_cases(n_done: int, n_cases: int) -> None:
        progress.cases(n_done, n_cases)
        if is_stopped():
            raise KeyboardInterrupt

    material = make_material(config, inputs, on_cases)
    if material.absent_sites:
        progress.say(f"no case of the sites {', '.join(material.absent_sites)}")
    sanity = load_sanity(config, material.workspace)
    tuning = material.tuning.answerable()
    n_cases = len(tuning.cases) + len(sanity.bank.cases)
    spread = compute.spread(material.workspace.recipe, n_cases, config.compute)
    objective = WeightObjective(tuning, sanity.bank, config.objective.cut(pruner.n_rungs), spread)
    strategy = make_strategy(
        config, definition.study, definition.space, objective, definition.constraints
    )
    coordinator = Coordinator(ownership, strategy, pruner, read_warm_start(study))
    return Search(definition, study, coordinator, material, identity)


def _identity(definition: StudyDefinition, inputs: Inputs) -> Identity:
    sanity = inputs.workspace.load_sanity()
    return make_identity(definition, data_hashes(inputs.workspace, sanity, inputs.loaded))
