from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from benchmarks.search_report import Compared, OnTestSites, Recovered, targets
from benchmarks.search_study import Budget, Searched, search
from benchmarks.search_trace import Step, after_seconds, after_trials, share_of_gain, steps_of
from benchmarks.search_worker import Gated, Job, Run
from objectives.decisions.decision_quality import CriticalErrors
from studies.definition.options import OptimizationConfig
from studies.gate.gate import Verdict
from studies.gate.paired_test import Interval

if TYPE_CHECKING:
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank

STARTED = datetime(2026, 1, 1)  # noqa: DTZ001 - as Optuna's own times
SAFE = CriticalErrors(0, {}, 0.0)
STEPS = [
    Step(1, 0.5, 0.80, {}),
    Step(25, 2.0, 0.88, {}),
    Step(26, 9.0, 0.89, {}),
    Step(400, 50.0, 0.90, {}),
]


def record(
    seconds: float,
    value: float,
    state: TrialState = TrialState.COMPLETE,
    n_more_critical: float = 0.0,
) -> FrozenTrial:
    constraints = {"critical": n_more_critical} if state is TrialState.COMPLETE else None
    trial = create_trial(state=state, value=value, constraints=constraints)
    trial.datetime_complete = STARTED + timedelta(seconds=seconds)
    return trial


def test_steps_are_the_complete_feasible_trials_that_are_better_than_all_before() -> None:
    records = [
        record(1.0, 0.5),
        record(2.0, 0.9, TrialState.PRUNED),
        record(3.0, 0.8, n_more_critical=1.0),
        record(4.0, 0.5),
        record(5.0, 0.6, n_more_critical=-1.0),
        record(6.0, 0.55),
        record(7.5, 0.7),
    ]
    assert steps_of(records, STARTED) == [
        Step(1, 1.0, 0.5, {}),
        Step(5, 5.0, 0.6, {}),
        Step(7, 7.5, 0.7, {}),
    ]


@pytest.mark.parametrize(
    ("n_trials", "value"), [(0, 0.80), (1, 0.80), (24, 0.80), (25, 0.88), (26, 0.89), (999, 0.90)]
)
def test_value_after_trials(n_trials: int, value: float) -> None:
    assert after_trials(STEPS, n_trials).value == value


@pytest.mark.parametrize(
    ("seconds", "value"), [(0.0, 0.80), (0.5, 0.80), (1.9, 0.80), (2.0, 0.88), (60.0, 0.90)]
)
def test_value_after_seconds(seconds: float, value: float) -> None:
    assert after_seconds(STEPS, seconds).value == value


@pytest.mark.parametrize(("seconds", "share"), [(0.1, 0.0), (2.0, 0.8), (10.0, 0.9), (50.0, 1.0)])
def test_share_of_gain(seconds: float, share: float) -> None:
    assert share_of_gain(STEPS, seconds) == pytest.approx(share)


def test_a_search_that_gains_nothing_has_all_of_it_at_once() -> None:
    assert share_of_gain(STEPS[:1], 0.0) == 1.0


def test_a_search_tells_what_the_study_found(config: Configuration, make_bank: MakeBank) -> None:
    settings = OptimizationConfig(strategy="random_search", pruner="none").study_settings(config)
    tuning = make_bank(200, ("A", "B"))
    searched = search(
        config, settings, tuning, make_bank(20, ("SANITY",), seed=1), Budget(40, 1e6)
    )
    assert searched.n_trials == 40
    assert searched.stop_reason == "all 40 trials done"
    assert searched.share_scored == 1.0
    values = [step.value for step in searched.steps]
    assert searched.steps[0].n_trials == 1
    assert values == sorted(set(values))
    assert 0 < searched.steps[0].seconds < searched.seconds


def run_of(steps: list[Step], verdict: Verdict = Verdict.EXPORTED) -> Run:
    return Run(Searched(steps, 400, 60.0, "done", 1.0), Gated(verdict, [], {"anatomy_weight": 1}))


def test_jobs_and_runs_pass_from_process_to_process() -> None:
    job = Job("tpe", "none", 3, Budget(1_000, 60.0), 100)
    assert Job.read(job.written()) == job
    run = run_of(STEPS)
    assert Run.read(json.loads(json.dumps(run))) == run


def compared(value: float, high: float, verdict: Verdict) -> Compared:
    steps = [Step(1, 0.1, 0.5, {}), Step(100, 9.0, value, {})]
    return Compared(run_of(steps, verdict), {}, OnTestSites(0.9, Interval(-0.1, high), SAFE))


def test_targets_hold_medians_against_what_was_promised() -> None:
    exported, kept = Verdict.EXPORTED, Verdict.NO_CREDIBLE_GAIN
    found = {
        "auto": [compared(value, 0.0, exported) for value in (0.6, 0.9, 0.91)],
        "tpe": [compared(0.9004, -0.01, exported), compared(0.9006, -0.01, kept)],
        "qmc": [compared(0.7, 0.1, kept)],
    }
    recovered = {"clean": [Recovered(1.0, recovered, 0.5) for recovered in (0.99, 0.998, 1.0)]}
    lead, gain, harm, known = targets(found, recovered)
    assert (lead.measured, lead.holds) == (-0.05, True)
    assert "tpe after 400" in lead.detail
    assert (gain.measured, gain.holds) == (1.0, True)
    assert (harm.measured, harm.holds) == (1, False)
    assert harm.detail == "4 of 6 repeats exported, the gate said no 2 times"
    assert (known.measured, known.holds) == (0.2, True)
