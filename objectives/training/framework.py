"""A training run: every case of some files through the engine, and how it did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.bank.feature_bank import silent
from objectives.cases.cases import CaseSet, dataset_files
from objectives.configuration import DEFAULT_CONFIG, TrainingSettings, load_configuration
from objectives.training.blocks import LOG, Intervals, TrainingBlocks
from objectives.training.metrics import TrainingMetrics, measure
from objectives.training.session_schema import check_sessions
from objectives.training.session_tables import SESSIONS
from objectives.training.sessions import OpenSession, SessionIdentity, SessionStore
from objectives.workspace import Workspace
from support.engine_version import LIBRARIES, engine_sha256
from support.errors import ConfigurationError, RadTuneError
from support.executors import never
from support.hashing import hash_of
from support.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from objectives.bank.feature_bank import OnCases
    from objectives.training.sessions import Row
    from support.executors import Executor

__all__ = ["ScalableTrainingFramework", "TrainingConfig", "TrainingMetrics"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a training run may differ from ``config.yaml``; None takes the value from there.

    Attributes
    ----------
    chunk_size : int, optional
        Cases per piece of work.
    max_workers : int, optional
        Processes at most; never more than cores.
    checkpoint_interval : int, optional
        Cases whose results are written together.
    memory_cleanup_interval : int, optional
        Cases after which memory is given back.
    validation_split : float, optional
        Share of the labelled sites whose metrics are told apart, [0, 1).
    resume_from_checkpoint : bool, optional
        Go on with an interrupted session; False begins a new one.
    experiment_name : str, optional
    limit : int, optional
        Use only the first so many records.
    config_path : Path
    dataset_dir : Path, optional
        Folder of training files.
    """

    chunk_size: int | None = None
    max_workers: int | None = None
    checkpoint_interval: int | None = None
    memory_cleanup_interval: int | None = None
    validation_split: float | None = None
    resume_from_checkpoint: bool | None = None
    experiment_name: str | None = None
    limit: int | None = None
    config_path: Path = DEFAULT_CONFIG
    dataset_dir: Path | None = None

    def __post_init__(self) -> None:
        """Refuse sizes below 1, and a share that leaves no site."""
        for name in _SIZES:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {value}")
        split = self.validation_split
        if split is not None and not 0 <= split < 1:
            raise ConfigurationError(f"validation_split must be in [0, 1), got {split}")

    def settings(self, defaults: TrainingSettings) -> TrainingSettings:
        """Return the settings of a configuration with what is given here in their place."""
        given = {name: getattr(self, name, None) for name in TrainingSettings.model_fields}
        return defaults.model_copy(
            update={name: value for name, value in given.items() if value is not None}
        )


_SIZES = ("chunk_size", "max_workers", "checkpoint_interval", "memory_cleanup_interval", "limit")


class ScalableTrainingFramework:
    """Runs the engine over training files and measures it.

    What happens on the way is told to the logger ``radtune.training``.

    Parameters
    ----------
    config : TrainingConfig, optional
    """

    def __init__(self, config: TrainingConfig | None = None) -> None:
        self._options = config or TrainingConfig()
        self._config = load_configuration(self._options.config_path)
        self.settings: TrainingSettings = self._options.settings(self._config.training)

    def train_on_dataset(
        self,
        dataset_paths: Sequence[str | Path] | None = None,
        on_cases: OnCases = silent,
        should_stop: Callable[[], bool] = never,
        executor: Executor | None = None,
    ) -> TrainingMetrics:
        """Run over some files (every file of the training folder when none is given).

        A session that was interrupted, be it by SIGKILL, goes on where its last checkpoint was.

        Parameters
        ----------
        dataset_paths : sequence of path, optional
        on_cases : callable
            Told how many of how many cases are done while their bank is built.
        should_stop : callable
            Asked after every block whether to stop.
        executor : Executor, optional
            Computes the bank; ``max_workers`` processes when not given.

        Raises
        ------
        RadTuneError
            When data, configuration or session database cannot be used.
        TrainingStoppedError
            When `should_stop` said so; the session is interrupted, and can go on.
        """
        started = time.monotonic()
        check_sessions(self.settings.storage)
        folder = self._options.dataset_dir or self._config.data.training_dir
        workspace = Workspace(self._config, folder, executor=executor)
        paths = [Path(path) for path in dataset_paths or ()] or dataset_files(folder)
        loaded = workspace.load_cases(paths, self._options.limit)
        with SessionStore(self.settings.storage) as store:
            session = store.open(
                self._identity(workspace, loaded),
                loaded.n_records,
                len(loaded.bad_records),
                resume=self.settings.resume_from_checkpoint,
            )
            if session.note:
                LOG.warning(session.note)
            session = session._replace(seconds=session.seconds + time.monotonic() - started)
            intervals = Intervals(
                self.settings.checkpoint_interval, self.settings.memory_cleanup_interval
            )
            blocks = TrainingBlocks(
                self._config,
                workspace,
                loaded,
                store=store,
                session=session,
                intervals=intervals,
                should_stop=should_stop,
            )
            try:
                self._judge_all(workspace, loaded, blocks, on_cases)
                return self._finish(workspace, loaded, store, session, blocks)
            except BaseException:
                _interrupt(store, session, blocks)
                raise

    def _identity(self, workspace: Workspace, loaded: CaseSet) -> SessionIdentity:
        settings = self.settings
        data = (
            list(loaded.sha256.values()),
            loaded.n_records,
            workspace.catalogue_sha256,
            workspace.truth.sha256,
            workspace.usage.sha256,
        )
        validation = settings.validation_split, settings.seed
        libraries = [version(library) for library in LIBRARIES]
        return SessionIdentity(
            experiment_name=settings.experiment_name,
            data_sha256=hash_of(data),
            configuration_sha256=hash_of([self._config.results_sha256, *validation]),
            engine_sha256=hash_of([engine_sha256(), *libraries]),
        )

    def _judge_all(
        self, workspace: Workspace, loaded: CaseSet, blocks: TrainingBlocks, on_cases: OnCases
    ) -> None:
        if blocks.is_done:
            return
        bank = workspace.facts(
            loaded.cases,
            self.settings.chunk_size,
            self.settings.max_workers,
            on_cases,
            on_ready=blocks.judge_ready,
        )
        blocks.judge_ready(bank, len(loaded.cases))

    def _finish(
        self,
        workspace: Workspace,
        loaded: CaseSet,
        store: SessionStore,
        session: OpenSession,
        blocks: TrainingBlocks,
    ) -> TrainingMetrics:
        split = self.settings.validation_split
        metrics = measure(self._config, loaded, blocks.answers, workspace, split)
        metrics = metrics._replace(
            session_id=session.session_id,
            experiment_name=self.settings.experiment_name,
            total_processing_time_s=blocks.seconds,
            cases_per_s=metrics.processed_cases / blocks.seconds,
        )
        shared = {"processed_cases", "total_cases", "errors", "experiment_name"}
        measured = metrics._asdict()
        performance: list[Row] = [
            {"number": number, "site": mask(site), "part": metrics.part_of(site), **part._asdict()}
            for number, (site, part) in enumerate(metrics.sites.items(), start=1)
        ]
        store.finish(
            session.session_id,
            {
                name: measured[name]
                for name in SESSIONS.columns.keys()  # noqa: SIM118 - columns, not names, iterate
                if name in measured and name not in shared
            },
            performance,
        )
        return metrics


def _interrupt(store: SessionStore, session: OpenSession, blocks: TrainingBlocks) -> None:
    """Mark a session; where the database is what failed, the next run finds out by itself."""
    try:
        store.interrupt(session.session_id, blocks.seconds)
    except RadTuneError as error:
        LOG.info("session %d could not be marked as interrupted: %s", session.session_id, error)
