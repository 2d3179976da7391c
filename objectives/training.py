"""A training run: every case of some files through the engine, and how it did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.coefficients import effective_coefficients
from engine.decision import decide
from engine.errors import ConfigurationError
from objectives.bank import silent
from objectives.calibration import calibration_note
from objectives.cases import CaseSet, dataset_files
from objectives.configuration import DEFAULT_CONFIG, hash_of, load_configuration
from objectives.decision_quality import DecisionReport, count_critical, report_decisions
from objectives.groups import each_group
from objectives.metrics import accuracy_at_1, recall_at_k
from objectives.scoring import find_winners
from objectives.sessions import Session, check_sessions, record_session
from objectives.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from objectives.bank import OnCases
    from objectives.cases import BadRecord
    from objectives.configuration import Configuration
    from objectives.labelled_bank import LabelledBank


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a training run may differ from ``config.yaml``; None takes the value from there.

    Attributes
    ----------
    chunk_size : int, optional
        Cases per piece of work.
    max_workers : int, optional
        Processes at most; never more than cores.
    experiment_name : str, optional
    limit : int, optional
        Use only the first so many records.
    config_path : Path
    dataset_dir : Path, optional
        Folder of training files.
    """

    chunk_size: int | None = None
    max_workers: int | None = None
    experiment_name: str | None = None
    limit: int | None = None
    config_path: Path = DEFAULT_CONFIG
    dataset_dir: Path | None = None

    def __post_init__(self) -> None:
        """Refuse sizes below 1."""
        for name in ("chunk_size", "max_workers", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {value}")


class TrainingMetrics(NamedTuple):
    """What a training run measured.

    Attributes
    ----------
    session_id : int
    experiment_name : str
    total_cases, processed_cases : int
        Records in the files, and those that could be used.
    held_back : dict
        Test site to the number of its cases whose labels are withheld: they are processed as if
        their file had none.
    labelled_cases, answerable_cases : int
        Cases of which it is known what is right, and those that have a gold row.
    correct : int
        Answerable cases whose first-ranked row is the gold row.
    accuracy_at_1, recall_at_k, decision_accuracy : float or None
        In [0, 1]; None when no case is labelled.
    top_k : int
        The k of recall_at_k.
    successful_matches : int
        Cases whose confidence reached the accept threshold, right or wrong.
    success_rate, average_confidence : float
        In [0, 1], over the processed cases.
    calibration_note : str or None
        Why confidence comes from a default calibrator; None when it is this catalogue's own.
    decisions : DecisionReport or None
        Coverage, errors and critical errors of the decisions; None when no case is labelled.
    critical_errors : int
        Answerable cases whose first-ranked row is dangerous.
    critical_errors_by_kind : dict
    critical_errors_source : str
        Where the truth about the rows comes from.
    site_accuracies : dict
        accuracy@1 of each site.
    errors : int
        Records that could not be used.
    error_rate : float
        In [0, 1], over all records.
    bad_records : tuple of BadRecord
    total_processing_time_s, cases_per_s : float
    """

    session_id: int
    experiment_name: str
    total_cases: int
    processed_cases: int
    held_back: dict[str, int]
    labelled_cases: int
    answerable_cases: int
    correct: int
    accuracy_at_1: float | None
    recall_at_k: float | None
    decision_accuracy: float | None
    top_k: int
    successful_matches: int
    success_rate: float
    average_confidence: float
    calibration_note: str | None
    decisions: DecisionReport | None
    critical_errors: int
    critical_errors_by_kind: dict[str, int]
    critical_errors_source: str
    site_accuracies: dict[str, float]
    errors: int
    error_rate: float
    bad_records: tuple[BadRecord, ...]
    total_processing_time_s: float
    cases_per_s: float


class ScalableTrainingFramework:
    """Runs the engine over training files and measures it.

    Parameters
    ----------
    config : TrainingConfig, optional
    """

    def __init__(self, config: TrainingConfig | None = None) -> None:
        self._options = config or TrainingConfig()
        self._config = load_configuration(self._options.config_path)

    def train_on_dataset(
        self,
        dataset_paths: Sequence[str | Path] | None = None,
        on_cases: OnCases = silent,
    ) -> TrainingMetrics:
        """Run over some files (every file of the training folder when none is given).

        `on_cases` is told how many of how many cases are done while their bank is built.

        Raises
        ------
        RadTuneError
            When data, configuration or session database cannot be used.
        """
        started = time.monotonic()
        check_sessions(self._config.training.storage)
        options, config = self._options, self._config
        folder = options.dataset_dir or config.data.training_dir
        workspace = Workspace(config, folder)
        paths = [Path(path) for path in dataset_paths or ()] or dataset_files(folder)
        loaded = workspace.load_cases(paths, options.limit)
        judged = workspace.bank(loaded.cases, options.chunk_size, options.max_workers, on_cases)
        metrics = measure(config, loaded, judged, workspace)
        elapsed = time.monotonic() - started
        metrics = metrics._replace(
            experiment_name=options.experiment_name or config.training.experiment_name,
            total_processing_time_s=elapsed,
            cases_per_s=metrics.processed_cases / elapsed,
        )
        return metrics._replace(session_id=self._record(metrics, loaded))

    def _record(self, metrics: TrainingMetrics, loaded: CaseSet) -> int:
        shared = {
            name: getattr(metrics, name) for name in Session._fields if hasattr(metrics, name)
        }
        session = Session(
            data_sha256=hash_of(loaded.sha256),
            configuration_sha256=self._config.sha256,
            **shared,
        )
        return record_session(self._config.training.storage, session)


def measure(
    config: Configuration, loaded: CaseSet, judged: LabelledBank, workspace: Workspace
) -> TrainingMetrics:
    """Measure one configuration on labelled facts; session, name and times are left at zero."""
    labels = judged.labels
    labelled = judged.labelled()
    # before the winners of all cases, which need as much memory again
    report = report_decisions(config, labelled, workspace.truth) if labelled.cases else None
    winners = find_winners(judged, effective_coefficients(config.weights))
    confidences = decide(winners.evidence, config.calibration, config.decision).confidences
    critical = count_critical(winners.critical, labels.answerable)
    n_answerable = int(labels.answerable.sum())
    threshold = config.calibration.accept_threshold
    n_successful = 0 if threshold is None else int((confidences >= threshold).sum())
    n_cases = len(judged.cases)
    return TrainingMetrics(
        session_id=0,
        experiment_name="",
        total_cases=loaded.n_records,
        processed_cases=n_cases,
        held_back=loaded.held_back,
        labelled_cases=report.overall.n_cases if report else 0,
        answerable_cases=n_answerable,
        correct=int(winners.correct.sum()),
        accuracy_at_1=accuracy_at_1(winners.correct, labels.answerable) if n_answerable else None,
        recall_at_k=recall_at_k(labels) if n_answerable else None,
        decision_accuracy=report.overall.decision_accuracy if report else None,
        top_k=config.retriever_top_k,
        successful_matches=n_successful,
        success_rate=n_successful / n_cases,
        average_confidence=float(confidences.mean()),
        calibration_note=calibration_note(config, workspace.catalogue_sha256),
        decisions=report,
        critical_errors=critical.n_cases,
        critical_errors_by_kind=critical.by_kind,
        critical_errors_source=workspace.truth.source,
        site_accuracies=_by_site(judged, winners.correct),
        errors=len(loaded.bad_records),
        error_rate=len(loaded.bad_records) / loaded.n_records,
        bad_records=loaded.bad_records,
        total_processing_time_s=0.0,
        cases_per_s=0.0,
    )


def _by_site(judged: LabelledBank, correct: np.typing.NDArray[np.bool_]) -> dict[str, float]:
    answerable = judged.labels.answerable
    return {
        site: accuracy_at_1(correct[cases], answerable[cases])
        for site, cases in each_group(case.site for case in judged.cases)
        if answerable[cases].any()
    }
