"""What a whole study costs: our durable trials beside Optuna's own loop with nothing to value."""

from __future__ import annotations

import functools
import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import optuna

from benchmarks.measurement import Measurement, at_least, at_most, in_turn, seconds
from benchmarks.postgres_server import PostgresServer, find
from benchmarks.search_study import run_study
from objectives.configuration import load_configuration
from objectives.objective import WeightObjective
from objectives.search_space import WEIGHT_NAMES
from studies.datasets import load_material, load_sanity
from studies.definition.options import OptimizationConfig, make_pruner
from studies.samplers.from_optuna import TPEInBox
from studies.stopping import Stopper, StoppingRules
from studies.storage.database import open_storage, quiet_optuna

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from objectives.configuration import Configuration

N_TRIALS = 300
_N_PLAIN = 60  # trials that Optuna writes to a database, scaled
_N_ROUNDS = 5
_TARGET_DURABLE = 30.0
_TARGET_TPE_MS = 1.5  # a trial
_TARGET_MEMORY = 0.5
_NO_RULES = StoppingRules(None, None, None)
_SCALED = f"Optuna on {_N_PLAIN} trials, scaled by trial"


def measure() -> list[Measurement]:
    """Run studies on the tuning sites in SQLite and PostgreSQL."""
    config = load_configuration()
    material = load_material(config, [], None)
    sanity = load_sanity(config, material.workspace).bank
    n_rungs = make_pruner(config, config.study).n_rungs
    objective = WeightObjective(
        material.tuning.answerable(), sanity, config.objective.cut(n_rungs)
    )
    with quiet_optuna(), tempfile.TemporaryDirectory() as folder:
        names = (Path(folder, f"{number}.db") for number in itertools.count())
        urls = (f"sqlite:///{name}" for name in names)
        return [
            *_random_in_sqlite(config, objective, urls),
            _random_in_postgresql(config, objective),
            _tpe(config, objective, urls),
        ]


def _random_in_sqlite(
    config: Configuration, objective: WeightObjective, urls: Iterator[str]
) -> list[Measurement]:
    ours, plain, memory = in_turn(
        [
            lambda: _run(config, objective, "random_search", next(urls)).wall,
            lambda: _plain(next(urls)),
            lambda: _in_memory(optuna.samplers.RandomSampler(seed=0), _suggest_weights),
        ],
        _N_ROUNDS,
    )
    return [
        _durable("SQLite", ours, plain),
        at_least(
            f"{N_TRIALS} random trials in SQLite against Optuna in memory, nothing to value",
            memory / ours,
            _TARGET_MEMORY,
            "times its rate",
            f"{_each(ours)} against {_each(memory)}",
        ),
    ]


def _random_in_postgresql(config: Configuration, objective: WeightObjective) -> Measurement:
    if find("initdb") is None:
        return Measurement(
            _durable_name("PostgreSQL"),
            None,
            _TARGET_DURABLE,
            holds=False,
            unit="times as fast",
            detail="no PostgreSQL server here: install the package 'postgresql'",
            is_least=True,
        )
    with PostgresServer() as server:
        ours, plain = in_turn(
            [
                lambda: _run(config, objective, "random_search", server.new_database()).wall,
                lambda: _plain(server.new_database()),
            ],
            _N_ROUNDS,
        )
    return _durable("PostgreSQL", ours, plain)


def _tpe(config: Configuration, objective: WeightObjective, urls: Iterator[str]) -> Measurement:
    """Take what the sampler and the objective need, within studies, from what the studies do."""
    spent: dict[str, float] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:  # noqa: ANN401 - whatever it takes
            started = time.thread_time()
            try:
                return function(*given)
            finally:
                spent[name] = spent.get(name, 0.0) + time.thread_time() - started

        return call

    found = []
    for _ in range(_N_ROUNDS):
        spent.clear()
        with (
            patch.object(TPEInBox, "ask", timed("sampler", TPEInBox.ask)),
            patch.object(WeightObjective, "evaluate", timed("value", WeightObjective.evaluate)),
        ):
            whole = _run(config, objective, "tpe", next(urls)).cpu
        found.append((whole - sum(spent.values()), whole, spent["sampler"], spent["value"]))
    beyond, whole, sampler, value = sorted(found)[_N_ROUNDS // 2]
    return at_most(
        f"{N_TRIALS} TPE trials in SQLite beyond sampler and objective",
        1000 * beyond / N_TRIALS,
        _TARGET_TPE_MS,
        "ms of CPU a trial",
        f"{_each(whole)}, of which {_each(sampler)} in Optuna's sampler and {_each(value)} in the "
        f"objective (median of {_N_ROUNDS} studies)",
    )


class _Taken(NamedTuple):
    """Seconds of the wall, and of the CPU by the thread that runs a study."""

    wall: float
    cpu: float


def _run(config: Configuration, objective: WeightObjective, strategy: str, url: str) -> _Taken:
    """Run a study as ``radtune optimize`` does; the tables are there before the clock starts."""
    settings = OptimizationConfig(strategy=strategy).study_settings(config)
    storage = open_storage(url)
    stopper = Stopper(_NO_RULES, time.monotonic())
    started, cpu = time.perf_counter(), time.thread_time()
    run_study((config, settings), objective, storage, N_TRIALS, stopper)
    taken = _Taken(time.perf_counter() - started, time.thread_time() - cpu)
    n_there = len(optuna.load_study(study_name=None, storage=url).trials)
    storage.engine.dispose()
    if n_there != N_TRIALS:
        raise RuntimeError(f"{url} holds {n_there} trials, {N_TRIALS} were run")
    return taken


def _plain(url: str) -> float:
    """Let Optuna write trials one by one; seconds for `N_TRIALS`."""
    storage = open_storage(url)
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    taken = seconds(functools.partial(study.optimize, _suggest_weights, n_trials=_N_PLAIN))
    storage.engine.dispose()
    return taken * N_TRIALS / _N_PLAIN


def _in_memory(
    sampler: optuna.samplers.BaseSampler, objective: Callable[[optuna.Trial], float]
) -> float:
    study = optuna.create_study(sampler=sampler)
    return seconds(functools.partial(study.optimize, objective, n_trials=N_TRIALS))


def _suggest_weights(trial: optuna.Trial) -> float:
    """Suggest as many floats as our trials store, and value nothing."""
    for name in WEIGHT_NAMES:
        trial.suggest_float(name, 0.0, 1.0)
    return 0.0


def _durable(where: str, ours: float, plain: float) -> Measurement:
    return at_least(
        _durable_name(where),
        plain / ours,
        _TARGET_DURABLE,
        "times as fast",
        f"{_each(ours)} against {_each(plain)} ({_SCALED})",
    )


def _durable_name(where: str) -> str:
    return f"{N_TRIALS} random trials in {where} against Optuna there, nothing to value"


def _each(taken: float) -> str:
    return f"{1000 * taken / N_TRIALS:.2f} ms a trial"
