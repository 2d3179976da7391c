"""Optimise the weights: run a study, hold the gate, export or keep."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from optuna.trial import TrialState

from objectives.search_space import real_weights
from objectives.shards.resources import ComputeOptions, ComputeResources
from studies.coordinator import CANCELLED, STOPPED, stopped_at
from studies.datasets import read_inputs
from studies.definition.options import (
    OptimizationConfig,
    stopping_rules,
)
from studies.export import check_output, export_configuration, set_aside
from studies.gate.evaluation import Proof, prove
from studies.gate.gate import GateReport, Verdict
from studies.gate.looks import log_look, number_of_look
from studies.gate.words import GateWords, gate_words
from studies.progress import NullProgress
from studies.search import create, join, submit
from studies.stopping import Stopper
from studies.storage.database import opened_storage
from studies.storage.ownership import Ownership
from studies.storage.trial_records import is_feasible, origin_of_record
from studies.trial import BASELINE
from support.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from objectives.cases.cases import BadRecord
    from objectives.configuration import StudySettings
    from objectives.decisions.calibration import Fitted
    from objectives.decisions.decision_quality import DecisionReport
    from studies.coordinator import Coordinator
    from studies.progress import Progress
    from studies.search import Search


class OptimizationResult(NamedTuple):
    """How a study ended.

    Attributes
    ----------
    study_name, strategy, pruner : str
    seed : int
    n_trials, n_complete, n_pruned, n_failed : int
        Trials of the study, those of earlier runs included.
    n_infeasible : int
        Complete trials with more critical errors of some kind than the current weights.
    n_new_trials : int
        Trials of this run.
    tried : dict
        Number of trials by what proposed them.
    stop_reason : str
    n_tuning_cases : int
        Answerable cases of the tuning sites.
    n_cases_scored, n_cases_in_full : int
        Of all trials together: those that were scored, and all there were to score.
    ceiling : float
        The value if every gold row among the candidates ranked first, [0, 1].
    baseline_value, random_median_value, best_value : float
        Objective of the current weights, of random weights (median), of the best trial, [0, 1].
    baseline_site_accuracies, best_site_accuracies : dict
        accuracy@1 of each tuning site.
    best_trial : int
    best_origin : str
        What proposed it.
    best_params : dict
        Real weights by name.
    held_out : GateReport
    gate : GateWords
        The same in plain words.
    calibrated : Fitted
        The calibrator of the best weights and its accept threshold.
    decisions_before, decisions_after : DecisionReport
        Decisions at the gate sites, with the current and with the best configuration.
    output : Path or None
        The exported configuration; None when the current one was kept.
    set_aside : Path or None
        Where an older exported configuration went that no longer holds.
    bad_records : tuple of BadRecord
    elapsed_s : float
    """

    study_name: str
    strategy: str
    pruner: str
    seed: int
    n_trials: int
    n_complete: int
    n_pruned: int
    n_failed: int
    n_infeasible: int
    n_new_trials: int
    tried: dict[str, int]
    stop_reason: str
    n_tuning_cases: int
    n_cases_scored: int
    n_cases_in_full: int
    ceiling: float
    baseline_value: float
    random_median_value: float
    best_value: float
    baseline_site_accuracies: dict[str, float]
    best_site_accuracies: dict[str, float]
    best_trial: int
    best_origin: str
    best_params: dict[str, float]
    held_out: GateReport
    gate: GateWords
    calibrated: Fitted
    decisions_before: DecisionReport
    decisions_after: DecisionReport
    output: Path | None
    set_aside: Path | None
    bad_records: tuple[BadRecord, ...]
    elapsed_s: float

    @property
    def decision(self) -> Verdict:
        """What the gate said."""
        return self.held_out.verdict


class TrainingOptimizer:
    """Finds better weights and proves them.

    Parameters
    ----------
    config : OptimizationConfig, optional
    progress : Progress, optional
    is_stopped : callable, optional
        Asked after each trial; when it says yes, `optimize` raises KeyboardInterrupt.
    compute : ComputeOptions, optional
        What scores cases: this process when not given.
    """

    def __init__(
        self,
        config: OptimizationConfig | None = None,
        progress: Progress | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
        compute: ComputeOptions | None = None,
    ) -> None:
        self._compute = compute or ComputeOptions()
        self._options = config or OptimizationConfig()
        self._progress = progress or NullProgress()
        self._is_stopped = is_stopped

    def optimize(
        self,
        dataset_paths: Sequence[str | Path] | None = None,
        study_name: str | None = None,
    ) -> OptimizationResult:
        """Run a study until its budget is met, hold the gate, and export or keep.

        Parameters
        ----------
        dataset_paths : sequence of path, optional
            Training files; every file of the training folder when not given.
        study_name : str, optional
            An existing study goes on; ``STRATEGY-seed-SEED`` when not given.

        Raises
        ------
        StudyTakenError
            When another process runs the study.
        RadTuneError
            When data, configuration or study cannot be used.
        KeyboardInterrupt
            When it was stopped; what had run is in the database.
        """
        started = time.monotonic()
        paths = [Path(path) for path in dataset_paths or ()]
        definition = self._options.definition(paths, study_name)
        check_output(definition.study.output, self._options.baseline_path)
        url = definition.study.storage
        with (
            opened_storage(url, is_new=True) as storage,
            ComputeResources(self._compute, self._progress.say, self._is_stopped) as compute,
        ):
            # before the study is made: data that cannot be used leave none
            inputs = read_inputs(
                definition.configuration,
                definition.dataset_files,
                executor=compute.executor(),
            )
            with Ownership(storage, create(definition.name, storage)) as ownership:
                submit(definition, storage, inputs)
                search = join(
                    ownership,
                    compute,
                    self._progress,
                    inputs=inputs,
                    definition=definition,
                    is_stopped=self._is_stopped,
                )
                return self._optimize(search, started)

    def _optimize(self, search: Search, started: float) -> OptimizationResult:
        definition, settings = search.definition, search.definition.study
        coordinator = search.coordinator
        n_before = len(coordinator.records)
        stop_reason = self._run(coordinator, settings, started)
        current, best = coordinator.current, coordinator.best()
        look = number_of_look(search.study, best.number, coordinator.warm_start.n_looks)
        proof = prove(
            definition.configuration, search.material, current.weights, best.weights, look
        )
        if best.number:  # the current weights beside themselves are no look
            log_look(search.study, best.number, proof.gate)
        exported, older = self._keep_or_export(settings.output, search, proof)
        n_tuning_cases = int(search.material.tuning.labels.answerable.sum())
        states = Counter(record.state for record in coordinator.records)
        tried, best_origin = (
            _count_origins(coordinator),
            origin_of_record(coordinator.records[best.number]),
        )
        return OptimizationResult(
            study_name=coordinator.name,
            strategy=settings.strategy,
            pruner=settings.pruner,
            seed=settings.seed,
            n_trials=len(coordinator.records),
            n_complete=states[TrialState.COMPLETE],
            n_pruned=states[TrialState.PRUNED],
            n_failed=states[TrialState.FAIL],
            n_infeasible=sum(not is_feasible(record) for record in coordinator.records),
            n_new_trials=len(coordinator.records) - n_before,
            tried=tried,
            stop_reason=stop_reason,
            n_tuning_cases=n_tuning_cases,
            n_cases_scored=coordinator.n_cases_scored,
            n_cases_in_full=n_tuning_cases * len(coordinator.records),
            ceiling=coordinator.problem.objective.ceiling,
            baseline_value=current.value,
            random_median_value=_random_median(coordinator, settings),
            best_value=best.value,
            baseline_site_accuracies=current.site_accuracies,
            best_site_accuracies=best.site_accuracies,
            best_trial=best.number,
            best_origin=best_origin,
            best_params=real_weights(best.weights),
            held_out=proof.gate,
            gate=gate_words(
                proof.gate,
                proof.before.overall,
                proof.after.overall,
                tried=_in_words(tried),
                best_trial=best.number,
                best_origin=best_origin,
            ),
            calibrated=proof.fitted,
            decisions_before=proof.before,
            decisions_after=proof.after,
            output=exported,
            set_aside=older,
            bad_records=search.material.loaded.bad_records,
            elapsed_s=time.monotonic() - started,
        )

    def _run(self, coordinator: Coordinator, settings: StudySettings, started: float) -> str:
        name, n_done, n_trials = (
            coordinator.name,
            len(coordinator.records),
            settings.max_experiments,
        )
        if n_done >= n_trials:
            self._progress.say(f"study {name!r} is finished: it has {n_done} trials")
        elif n_done:
            self._progress.say(f"study {name!r} goes on: {n_done} of {n_trials} trials are there")
        else:
            self._progress.say(f"study {name!r} starts: {n_trials} trials")
        stopper = Stopper(stopping_rules(settings), started)
        reason = coordinator.run(stopper, self._progress, self._is_stopped)
        if reason == CANCELLED:
            raise StudyError(f"study {name!r} was cancelled; the same command goes on with it")
        if reason == STOPPED:
            self._progress.say(stopped_at(coordinator, n_trials))
            raise KeyboardInterrupt
        return reason

    def _keep_or_export(
        self, path: Path, search: Search, proof: Proof
    ) -> tuple[Path | None, Path | None]:
        if proof.gate.verdict is not Verdict.EXPORTED:
            return None, set_aside(path)
        export_configuration(
            path,
            proof.optimized,
            search.coordinator.best(),
            baseline=search.definition.baseline,
            study_name=search.coordinator.name,
            identity=search.identity,
            baseline_value=search.coordinator.current.value,
            gate=proof.gate,
        )
        return path, None


def _count_origins(coordinator: Coordinator) -> dict[str, int]:
    """Count trials by what proposed them, in the order of their first appearance."""
    return dict(Counter(origin_of_record(record).split(":")[0] for record in coordinator.records))


def _in_words(tried: Mapping[str, int]) -> str:
    """Write such as "100 trials (current weights, 62 of line_search, 37 of tpe)"."""
    parts = [name if name == BASELINE else f"{n} of {name}" for name, n in tried.items()]
    return f"{sum(tried.values())} trials ({', '.join(parts)})"


def _random_median(coordinator: Coordinator, settings: StudySettings) -> float:
    """Return the median objective of random weights: what there is to gain by chance alone."""
    problem = coordinator.problem
    rng = np.random.default_rng(settings.seed)
    draws = rng.random((settings.n_random_vectors, len(problem.space.coordinates)))
    weights = [problem.proposal_at(draw, "random").weights for draw in draws]
    values = [full.valuation.value for full in problem.objective.evaluate_many(weights)]
    return float(np.median(values))
