"""A study is the same wherever its cases are scored, whoever dies or comes late meanwhile."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml
from distributed import Client

from benchmarks.faults_ground import write_few
from objectives.shards.resources import ComputeOptions
from studies import OptimizationConfig, TrainingOptimizer
from studies.progress import NullProgress
from studies.samplers import STRATEGIES
from studies.storage.database import open_storage
from tests.cluster import COUNTED, Cluster, running_cluster
from tests.conftest import ROOT
from tests.support_tests.counting import work_counts

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.trial import FrozenTrial

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(600)]

N_TRIALS = 60
N_SHARDS = 12
N_RECORDS = 60  # of each site
KILL_AT = 5  # trials


class World(NamedTuple):
    """Few records, and a configuration with which they are divided all the same."""

    config: Path
    data: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    data = folder / "data"
    write_few(data, N_RECORDS)
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    n_cases = N_RECORDS * len(settings["split"]["tuning"])
    settings["compute"] = {"least_cases": 1, "cases_per_shard": n_cases // N_SHARDS}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return World(config, data)


class Found(NamedTuple):
    """What a study has left."""

    trials: list[tuple[object, ...]]
    best: dict[str, float]
    export: str


class Disturber(NullProgress):
    """Kills a compute worker in the middle, and lets another one come."""

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self._cluster = cluster
        self._client = client
        self.counts: dict[str, dict[str, int]] = {}
        self.early: str = ""
        self.killed: str = ""
        self.late: str = ""

    def trial(self, n_done: int, n_trials: int, best_value: float) -> None:
        if n_done < KILL_AT or self.killed:
            return
        before = self._client.run(work_counts)
        self.killed, self.early = sorted(before)
        self.counts = {self.killed: before[self.killed]}
        pids = self._client.run(os.getpid)
        os.kill(pids[self.killed], signal.SIGKILL)
        self._cluster.start_worker()
        while not (late := self._workers() - {*before}) or self.killed in self._workers():
            pass
        (self.late,) = late

    def _workers(self) -> set[str]:
        return set(self._client.scheduler_info(n_workers=-1)["workers"])


def run(
    world: World,
    folder: Path,
    strategy: str,
    compute: ComputeOptions | None = None,
    progress: NullProgress | None = None,
) -> Found:
    folder.mkdir()
    url = f"sqlite:///{folder / 'studies.db'}"
    options = OptimizationConfig(
        max_experiments=N_TRIALS,
        strategy=strategy,
        config_path=world.config,
        dataset_dir=world.data,
        storage=url,
        output=folder / "best.yaml",
    )
    result = TrainingOptimizer(options, progress, compute=compute).optimize()
    storage = open_storage(url)
    trials = storage.get_all_trials(storage.get_study_id_from_name(result.study_name))
    storage.engine.dispose()
    export = yaml.safe_load(result.output.read_text("utf-8")) if result.output else {}
    export.get("provenance", {}).pop("exported_at", None)
    return Found([essence(trial) for trial in trials], result.best_params, json.dumps(export))


def essence(trial: FrozenTrial) -> tuple[object, ...]:
    """Everything but the times."""
    return (
        trial.number,
        trial.state,
        trial.value,
        trial.params,
        trial.intermediate_values,
        trial.user_attrs,
        trial.constraints,
    )


@pytest.mark.parametrize("strategy", sorted(STRATEGIES.keys() - {"line_search"}))  # auto has it
def test_a_study_is_the_same_however_it_is_run(
    strategy: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RADTUNE_CACHE", str(world.data.parent / "cache"))
    # else so few trials would be over in a round or two
    monkeypatch.setattr("studies.coordinator._MOST_AT_ONCE", 4)
    alone = run(world, tmp_path / "alone", strategy)
    assert len(alone.trials) == N_TRIALS or strategy == "auto"
    assert run(world, tmp_path / "local", strategy, ComputeOptions(n_local=2)) == alone
    with (
        running_cluster(tmp_path, 2, COUNTED) as cluster,
        Client(cluster.url, set_as_default=False) as client,
    ):
        client.wait_for_workers(2)
        disturber = Disturber(cluster, client)
        found = run(world, tmp_path / "cluster", strategy, ComputeOptions(cluster.url), disturber)
        counts = {**disturber.counts, **client.run(work_counts)}
    assert found == alone
    killed, early, late = (
        counts[one] for one in (disturber.killed, disturber.early, disturber.late)
    )
    assert killed["trial_shards"] > 0
    assert early["bank_shards"] >= N_SHARDS // 2
    assert late["bank_shards"] >= N_SHARDS // 2 - 1
    for survivor in (early, late):
        assert survivor["trial_shards"] > 0
        assert survivor.get("line_shards", 0) > 0 or strategy != "auto"
