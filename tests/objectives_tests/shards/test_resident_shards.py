"""Cases that stay with compute workers: the same counts whoever comes, dies or forgets."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from engine.ranking.coefficients import effective_coefficients
from objectives.lines.line import coordinate_directions, line_through
from objectives.objective import WeightObjective
from objectives.search_space import SearchSpace
from objectives.shards.case_counts import ShardedCounts
from objectives.shards.questions import TrialQuestion
from objectives.shards.resident_shards import spread_over
from objectives.workspace import Workspace
from support.compute.connection import crew_of_scheduler, local_crew
from support.errors import ComputeError
from tests.cluster import COUNTED, call_all, running_cluster, step_until
from tests.conftest import cases_of_each_site, random_weights
from tests.support_tests.compute_work import DyingQuestion, KillingQuestion, nothing
from tests.support_tests.counting import work_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.ranking.weights import Weights
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.bank.trial_bank import Tally
    from objectives.configuration import Configuration
    from objectives.lines.line import Line
    from support.compute.crew import DaskCrew
    from tests.cluster import Cluster

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

N_OF_A_SITE = 25
SIZE = 20  # cases of a shard: eight shards and more


class World(NamedTuple):
    config: Configuration
    workspace: Workspace
    tuning: LabelledBank
    sanity: LabelledBank

    def objective(self, crew: DaskCrew | None = None) -> WeightObjective:
        """Value weights here, or over compute workers."""
        settings = self.config.objective.cut(4)
        if crew is None:
            return WeightObjective(self.tuning, self.sanity, settings)
        spread = spread_over(crew, self.workspace.recipe, SIZE)
        return WeightObjective(self.tuning, self.sanity, settings, spread)

    def line(self) -> Line:
        first = self.weights()[0]
        direction = next(iter(coordinate_directions(first).values()))
        line = line_through(first, direction, SearchSpace(self.config.study.bounds))
        assert line
        return line

    def weights(self) -> list[Weights]:
        return random_weights(self.config, 6)


@pytest.fixture(scope="module")
def world(config: Configuration, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        workspace = Workspace(config)
        cases = cases_of_each_site(workspace, N_OF_A_SITE)
        tuning = workspace.bank(cases).at(config.split.tuning).answerable()
        sanity = workspace.bank(workspace.load_sanity().cases).answerable()
        assert len(tuning.cases) + len(sanity.cases) >= 8 * SIZE
        yield World(config, workspace, tuning, sanity)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path, 2, COUNTED) as cluster:
        yield cluster


@pytest.fixture
def crew(cluster: Cluster) -> Iterator[DaskCrew]:
    with crew_of_scheduler(cluster.url, nothing) as crew:
        step_until(crew, lambda: len(crew.workers) == 2)
        yield crew


def done(crew: DaskCrew, what: str) -> list[int]:
    """Tell how often each worker has done something, in the order in which they came."""
    counts = call_all(crew, work_counts)
    return [counts[worker].get(what, 0) for worker in crew.workers]


def values(objective: WeightObjective, world: World) -> list[object]:
    return [objective.evaluate(weights) for weights in world.weights()]


def test_a_study_over_shards_is_the_same_bit_for_bit(world: World, crew: DaskCrew) -> None:
    here, there = world.objective(), world.objective(crew)
    assert there.ceiling == here.ceiling
    assert values(there, world) == values(here, world)
    first, second, *_ = world.weights()
    assert there.evaluate_many(world.weights()) == here.evaluate_many(world.weights())
    assert there.paired(first, second) == here.paired(first, second)
    assert np.array_equal(there.upwards(first, 0.1), here.upwards(first, 0.1))
    line = world.line()
    assert all(map(np.array_equal, there.along(line), here.along(line)))
    assert all(map(np.array_equal, there.paired_along(line), here.paired_along(line)))
    n_shards = -(-(len(world.tuning.cases) + len(world.sanity.cases)) // SIZE)
    bank, trial = done(crew, "bank_shards"), done(crew, "trial_shards")
    assert sum(bank) == n_shards
    assert abs(bank[0] - bank[1]) <= 1
    assert trial == [n * 7 for n in bank]  # six weights, and six at once
    assert done(crew, "line_shards") == [n * 2 for n in bank]


def test_the_cache_of_workers_may_be_deleted_between_trials(
    world: World, crew: DaskCrew, cluster: Cluster
) -> None:
    here, there = world.objective(), world.objective(crew)
    before = sum(done(crew, "bank_shards"))
    folders = list(cluster.folder.rglob("radtune-shards"))
    assert len(folders) == 2
    shutil.rmtree(folders[0])
    assert values(there, world) == values(here, world)
    after = sum(done(crew, "bank_shards"))
    assert before < after < 2 * before


def test_shards_go_from_a_dead_worker_to_others_and_on_to_a_late_one(
    world: World, crew: DaskCrew, cluster: Cluster
) -> None:
    here, there = world.objective(), world.objective(crew)
    (killed, _) = crew.workers
    n_shards = sum(done(crew, "bank_shards"))
    assert values(there, world) == values(here, world)
    assert min(done(crew, "trial_shards")) > 0
    cluster.kill(crew, killed)
    assert values(there, world) == values(here, world)  # news of its death comes during a round
    assert killed not in crew.workers
    assert done(crew, "bank_shards") == [n_shards]
    cluster.start_worker()
    step_until(crew, lambda: len(crew.workers) == 2)
    assert values(there, world) == values(here, world)
    assert done(crew, "bank_shards") == [n_shards, n_shards // 2]
    assert min(done(crew, "trial_shards")) > 0


def test_a_worker_may_die_in_the_middle_of_a_round(
    world: World, crew: DaskCrew, tmp_path: Path
) -> None:
    counts = world.objective()._counts, world.objective(crew)._counts
    vectors = np.array([effective_coefficients(weights) for weights in world.weights()])
    (here,) = counts[0].answers([TrialQuestion(vectors)])
    found: Tally
    (found,) = counts[1].answers([DyingQuestion(TrialQuestion(vectors), str(tmp_path))])
    assert len(crew.workers) == 1
    for name, column in found._asdict().items():
        assert np.array_equal(column.sum(axis=0), getattr(here, name).sum(axis=0)), name


def test_a_shard_that_kills_every_worker_is_named(world: World) -> None:
    with local_crew(2, nothing) as crew:
        objective = WeightObjective(
            world.tuning,
            world.sanity.take(np.arange(SIZE + 5)),
            world.config.objective,
            spread_over(crew, world.workspace.recipe, len(world.tuning.cases)),
        )
        counts = objective._counts
        assert isinstance(counts, ShardedCounts)
        n_cases = len(world.tuning.cases) + SIZE + 5
        with pytest.raises(ComputeError, match=r"^cases [\d,]+ to [\d,]+ of .*4 compute workers"):
            list(counts.answers([KillingQuestion(n_cases // 2)]))


def test_shards_of_studies_long_ago_are_cleared_away(
    world: World, crew: DaskCrew, cluster: Cluster
) -> None:
    spread = spread_over(crew, world.workspace.recipe, 1000)
    for n_rungs in range(1, 7):
        settings = world.config.objective.cut(n_rungs)
        WeightObjective(
            world.tuning.take(np.arange(8)), world.sanity.take(np.arange(8)), settings, spread
        )
    kept = [len(list(path.iterdir())) for path in cluster.folder.rglob("radtune-shards")]
    assert max(kept) == 4
