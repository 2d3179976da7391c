"""Optimise the weights: run a study, hold the gate, export or keep."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from optuna.trial import TrialState

from engine.errors import StudyError
from objectives.search_space import real_weights
from studies.export import check_output, export_configuration, set_aside
from studies.gate import GateReport, Verdict
from studies.gate_looks import log_look, number_of_look
from studies.gate_words import GateWords, gate_words
from studies.helpers import Helpers
from studies.options import (
    OptimizationConfig,
    stopping_rules,
)
from studies.progress import Silence
from studies.proof import Proof, prove
from studies.records import is_feasible, origin_of_record
from studies.runner import CANCELLED, STOPPED, StudyRunner
from studies.samplers.base import BASELINE
from studies.search import join, submit
from studies.stopping import Stopper
from studies.storage import open_storage, quiet_optuna, translated_errors
from studies.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from objectives.calibration import Fitted
    from objectives.cases import BadRecord
    from objectives.configuration import StudySettings
    from objectives.decision_quality import DecisionReport
    from studies.progress import Progress
    from studies.search import Search


_NOT_REPRODUCIBLE = (
    "several workers, trials as they come: another run will not give the same (--synchronous does)"
)


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
    """

    def __init__(
        self,
        config: OptimizationConfig | None = None,
        progress: Progress | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._options = config or OptimizationConfig()
        self._progress = progress or Silence()
        self._is_stopped = is_stopped

    def optimize(
        self,
        dataset_paths: Sequence[str | Path] | None = None,
        study_name: str | None = None,
        n_workers: int = 1,
    ) -> OptimizationResult:
        """Run a study until its budget is met, hold the gate, and export or keep.

        Parameters
        ----------
        dataset_paths : sequence of path, optional
            Training files; every file of the training folder when not given.
        study_name : str, optional
            An existing study goes on; ``STRATEGY-seed-SEED`` when not given.
        n_workers : int
            Processes that run trials, this one included; 1 or more.

        Raises
        ------
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
        with quiet_optuna(), translated_errors(url):
            storage = open_storage(url)
            with Worker(storage.engine) as worker:
                inputs = submit(definition, storage)
                search = join(definition.name, storage, worker, self._progress, inputs)
                if n_workers > 1 and definition.batch is None:
                    self._progress.say(_NOT_REPRODUCIBLE)
                helpers = Helpers(url, definition.name, n_workers - 1)
                return self._optimize(search, started, helpers)

    def _optimize(self, search: Search, started: float, helpers: Helpers) -> OptimizationResult:
        definition, settings = search.definition, search.definition.study
        runner = search.runner
        n_before = len(runner.records)
        with helpers:
            stop_reason = self._run(runner, settings, started)
        current, best = runner.current, runner.best()
        look = number_of_look(search.study, best.number, runner.warm_start.n_looks)
        proof = prove(
            definition.configuration, search.material, current.weights, best.weights, look
        )
        if best.number:  # the current weights beside themselves are no look
            log_look(search.study, best.number, proof.gate)
        exported, older = self._keep_or_export(settings.output, search, proof)
        n_tuning_cases = int(search.material.tuning.labels.answerable.sum())
        states = Counter(record.state for record in runner.records)
        tried, best_origin = _count_origins(runner), origin_of_record(runner.records[best.number])
        return OptimizationResult(
            study_name=runner.name,
            strategy=settings.strategy,
            pruner=settings.pruner,
            seed=settings.seed,
            n_trials=len(runner.records),
            n_complete=states[TrialState.COMPLETE],
            n_pruned=states[TrialState.PRUNED],
            n_failed=states[TrialState.FAIL],
            n_infeasible=sum(not is_feasible(record) for record in runner.records),
            n_new_trials=len(runner.records) - n_before,
            tried=tried,
            stop_reason=stop_reason,
            n_tuning_cases=n_tuning_cases,
            n_cases_scored=runner.n_cases_scored,
            n_cases_in_full=n_tuning_cases * len(runner.records),
            ceiling=runner.problem.objective.ceiling,
            baseline_value=current.value,
            random_median_value=_random_median(runner, settings),
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

    def _run(self, runner: StudyRunner, settings: StudySettings, started: float) -> str:
        name, n_done, n_trials = runner.name, len(runner.records), settings.max_experiments
        if n_done >= n_trials:
            self._progress.say(f"study {name!r} is finished: it has {n_done} trials")
        elif n_done:
            self._progress.say(f"study {name!r} goes on: {n_done} of {n_trials} trials are there")
        else:
            self._progress.say(f"study {name!r} starts: {n_trials} trials")
        stopper = Stopper(stopping_rules(settings), started)
        reason = runner.run(stopper, self._progress, self._is_stopped)
        if reason is None or reason == STOPPED:
            raise KeyboardInterrupt
        if reason == CANCELLED:
            raise StudyError(f"study {name!r} was cancelled; run the same again to go on")
        return reason

    def _keep_or_export(
        self, path: Path, search: Search, proof: Proof
    ) -> tuple[Path | None, Path | None]:
        if proof.gate.verdict is not Verdict.EXPORTED:
            return None, set_aside(path)
        export_configuration(
            path,
            proof.optimized,
            search.runner.best(),
            baseline=search.definition.baseline,
            study_name=search.runner.name,
            identity=search.identity,
            baseline_value=search.runner.current.value,
            gate=proof.gate,
        )
        return path, None


def _count_origins(runner: StudyRunner) -> dict[str, int]:
    """Count trials by what proposed them, in the order of their first appearance."""
    return dict(Counter(origin_of_record(record).split(":")[0] for record in runner.records))


def _in_words(tried: Mapping[str, int]) -> str:
    """Write such as "100 trials (current weights, 62 of line_search, 37 of tpe)"."""
    parts = [name if name == BASELINE else f"{n} of {name}" for name, n in tried.items()]
    return f"{sum(tried.values())} trials ({', '.join(parts)})"


def _random_median(runner: StudyRunner, settings: StudySettings) -> float:
    """Return the median objective of random weights: what there is to gain by chance alone."""
    problem = runner.problem
    rng = np.random.default_rng(settings.seed)
    draws = rng.random((settings.n_random_vectors, len(problem.space.coordinates)))
    weights = [problem.proposal_at(draw, "random").weights for draw in draws]
    values = [full.valuation.value for full in problem.objective.evaluate_many(weights)]
    return float(np.median(values))
