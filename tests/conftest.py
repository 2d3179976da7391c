"""The two tiers of tests, and shared fixtures: configuration, cache, small made-up banks."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from hypothesis import settings

from engine.ranking.weights import N_FEATURES, Feature
from objectives.bank.feature_bank import FeatureBank
from objectives.bank.labelled_bank import LabelledBank, Labels
from objectives.cases.cases import Case
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.configuration import Configuration, load_configuration
from objectives.search_space import SearchSpace
from tests.postgres import Server, running_server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from engine.ranking.weights import Weights
    from objectives.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE_THE_QUICK_TIER = ("process", "postgres", "browser", "slow")
PATIENCE_S = 600  # of a test that waits for others than itself

settings.register_profile("quick", max_examples=25)
settings.register_profile("full", max_examples=100)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark who asks for the server, and give patience to all that are marked."""
    for item in items:
        if _asks_for_postgres(item):
            item.add_marker("postgres")
        if _is_marked(item) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PATIENCE_S))


def _asks_for_postgres(item: pytest.Item) -> bool:
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    asks = any(isinstance(value, str) and value == "postgresql" for value in given)
    return asks or "postgres" in getattr(item, "fixturenames", ())


def _is_marked(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in OUTSIDE_THE_QUICK_TIER)


def _may_start_processes(item: pytest.Item) -> bool:
    return _is_marked(item) or "process_cli" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test that is not marked, and its fixtures, build banks as a single core does."""
    if _may_start_processes(item):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 1)
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def heeds_ctrl_c() -> None:
    """Let the processes that tests start heed Ctrl-C: those of a background job would not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache of this run of the tests: what one of its processes has built serves all."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADTUNE_CACHE", str(folder / "cache"))
        yield folder / "cache"


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no test that is not marked start another process; the smoke tests may."""
    if _may_start_processes(request.node):
        yield
        return
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    # the system adds up what those have used that have ended
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert before == after, "mark this test: it starts other processes"


@pytest.fixture(scope="session")
def config() -> Configuration:
    return load_configuration(ROOT / "config.yaml")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


class MakeBank(Protocol):
    def __call__(self, n_cases: int, sites: Sequence[str], seed: int = 0) -> LabelledBank: ...


@pytest.fixture
def make_bank() -> MakeBank:
    """Build banks of random facts on the feature grid, in which anatomy tends to be right."""

    def make(n_cases: int, sites: Sequence[str], seed: int = 0) -> LabelledBank:
        rng = np.random.default_rng(seed)
        top_k = 6
        features = random_features(rng, n_cases, top_k)
        rows = np.argsort(rng.random((n_cases, 40)), axis=1)[:, :top_k].astype(np.int32)
        gold = rng.integers(0, top_k, size=n_cases)
        is_gold = np.zeros((n_cases, top_k), dtype=np.bool_)
        is_gold[np.arange(n_cases), gold] = True
        features[np.arange(n_cases), gold, Feature.ANATOMY] = 1.0
        critical = rng.random((n_cases, top_k, len(CRITICAL_KINDS))) < 0.05
        critical[is_gold] = False
        cases = tuple(
            Case(sites[i % len(sites)], "CT", "", f"name {i}", f"row {i}", has_gold=True)
            for i in range(n_cases)
        )
        bank = FeatureBank(
            features,
            rows,
            np.zeros((n_cases, top_k), dtype=np.uint8),
            np.full(n_cases, top_k, dtype=np.int32),
            np.ones(n_cases, dtype=np.float64),
            np.zeros(n_cases, dtype=np.bool_),
            np.zeros(n_cases, dtype=np.bool_),
        )
        labels = Labels.of(np.arange(n_cases, dtype=np.int32), is_gold, critical)
        return LabelledBank(cases, bank, np.arange(n_cases), labels)

    return make


def cases_of_each_site(workspace: Workspace, n_records: int, **more: bool) -> list[Case]:
    """Load the first records of each shipped site."""
    paths = sorted((ROOT / "data" / "training").glob("*.json"))
    return [
        case for path in paths for case in workspace.load_cases([path], n_records, **more).cases
    ]


def random_features(rng: np.random.Generator, n_cases: int, top_k: int) -> NDArray[np.float32]:
    features = rng.integers(0, 129, size=(n_cases, top_k, N_FEATURES)) / 128
    features[..., Feature.UNSTATED_ADDITIONS] = rng.integers(0, 6, size=(n_cases, top_k))
    return features.astype(np.float32)


def random_weights(config: Configuration, n_vectors: int, seed: int = 0) -> list[Weights]:
    """Draw weights over the whole search space, its edges included."""
    space = SearchSpace(config.study.bounds)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(n_vectors):
        edge = rng.random(len(space.coordinates)) < 0.2
        u = np.where(edge, rng.integers(0, 2, size=len(edge)), rng.random(len(edge)))
        point = {
            axis.name: axis.low + float(share) * (axis.high - axis.low)
            for axis, share in zip(space.coordinates, u, strict=True)
        }
        drawn.append(space.decode(point))
    return drawn
