from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.lookup import LookupEngine
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.feature_bank import BankRecipe, FeatureBank, OnReady, load_or_build_bank
from objectives.bank.scoring import rank_first
from objectives.objective import WeightObjective
from objectives.workspace import Workspace
from support.caches import cache_dir
from support.executors import LocalProcesses, ThisProcess
from tests.conftest import ROOT, cases_of_each_site, random_weights

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from objectives.cases.cases import Case
    from objectives.configuration import Configuration

TWO = pytest.param(2, marks=pytest.mark.process)


@pytest.fixture(scope="module")
def workspace(config: Configuration) -> Workspace:
    return Workspace(config)


@pytest.fixture(scope="module")
def cases(workspace: Workspace) -> list[Case]:
    return cases_of_each_site(workspace, 30, open_test_sites=True)


@pytest.fixture(scope="module")
def recipe(workspace: Workspace, config: Configuration) -> BankRecipe:
    return workspace.recipe


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / "cache"))
    return cache_dir()


def test_a_bank_equals_one_name_at_a_time(
    cases: list[Case], recipe: BankRecipe, config: Configuration, cache: Path
) -> None:
    """Same candidates, same order and same scores, for every case and a few random weights."""
    bank = load_or_build_bank(cases, recipe, 64, ThisProcess())
    for weights in random_weights(config, 3):
        coefficients = effective_coefficients(weights)
        positions, scores = rank_first(bank, coefficients, recipe.top_k)
        for i, case in enumerate(cases):
            engine = LookupEngine(
                recipe.catalogue,
                config.judgement._replace(weights=weights),
                recipe.top_k,
                recipe.usage.seen_from(case.site),
            )
            ranking = engine.lookup(case.exam_name, case.modality_code).ranking
            n_found = len(ranking.rows)
            assert bank.n_candidates[i] == n_found
            assert np.array_equal(bank.rows[i, positions[i, :n_found]], ranking.rows)
            assert np.array_equal(scores[i, :n_found], ranking.scores)


@pytest.mark.process
def test_a_bank_does_not_depend_on_chunks_or_processes(
    cases: list[Case], recipe: BankRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    banks: list[FeatureBank] = []
    for cache, chunk_size, max_workers in (("one", 1000, 1), ("many", 17, 2)):
        monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / cache))
        banks.append(
            load_or_build_bank(cases[:120], recipe, chunk_size, LocalProcesses(max_workers))
        )
    for name in FeatureBank._fields:
        assert np.array_equal(getattr(banks[0], name), getattr(banks[1], name)), name


@pytest.mark.parametrize("max_workers", [1, TWO])
def test_progress_is_told_of_every_case_and_only_of_a_build(
    max_workers: int, cases: list[Case], recipe: BankRecipe, cache: Path
) -> None:
    told: list[tuple[int, int]] = []
    for _ in range(2):
        load_or_build_bank(
            cases[:40], recipe, 7, LocalProcesses(max_workers), lambda *n: told.append(n)
        )
    n_done = [n for n, _ in told]
    assert len(told) == 6
    assert n_done == sorted(set(n_done))
    assert told[-1] == (40, 40)


def test_a_bank_of_no_case_is_empty(recipe: BankRecipe, cache: Path) -> None:
    assert load_or_build_bank([], recipe, 7, LocalProcesses(2)).rows.shape == (0, recipe.top_k)


def test_a_bank_is_kept(cases: list[Case], recipe: BankRecipe, cache: Path) -> None:
    load_or_build_bank(cases[:40], recipe, 100, ThisProcess())
    (folder,) = cache.iterdir()
    assert json.loads((folder / "manifest.json").read_text())["key"] == recipe.key(cases[:40])
    written = folder.stat().st_mtime_ns
    load_or_build_bank(cases[:40], recipe, 7, ThisProcess())
    assert folder.stat().st_mtime_ns == written


@pytest.mark.parametrize("name", [*FeatureBank._fields, "manifest"])
@pytest.mark.parametrize("damage", ["flipped", "cut off"])
def test_a_damaged_bank_is_built_again(
    name: str, damage: str, cases: list[Case], recipe: BankRecipe, cache: Path
) -> None:
    first = load_or_build_bank(cases[:10], recipe, 100, ThisProcess()).take(np.arange(10))
    (folder,) = cache.iterdir()
    (path,) = folder.glob(f"{name}.*")
    whole = bytearray(path.read_bytes())
    if damage == "flipped":
        path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    else:
        path.write_bytes(whole[: len(whole) // 2])
    again = load_or_build_bank(cases[:10], recipe, 100, ThisProcess())
    for field in FeatureBank._fields:
        assert np.array_equal(getattr(first, field), getattr(again, field)), field
    assert path.read_bytes() == whole
    assert list(cache.iterdir()) == [folder]


KILLED = """
import os, signal
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.workspace import Workspace
config = load_configuration()
workspace = Workspace(config)
cases = workspace.load_cases(dataset_files(config.data.training_dir)[:1], 200).cases
def die_half_way(n_done, n_cases):
    if n_done >= n_cases / 2:
        os.kill(os.getpid(), signal.SIGKILL)
workspace.facts(cases, 20, {max_workers}, die_half_way)
"""


@pytest.mark.process
@pytest.mark.parametrize("max_workers", [1, 2])
def test_a_killed_build_leaves_no_half_bank(
    max_workers: int, cases: list[Case], recipe: BankRecipe, cache: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(max_workers=max_workers)],
        cwd=ROOT,
        env={**os.environ, "RADTUNE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == ""  # read to its end: no worker is left that could write to it
    assert [path.name[:14] for path in cache.glob("b*-*")] == ["building-bank-"]
    load_or_build_bank(cases[:10], recipe, 100, ThisProcess())
    (folder,) = cache.glob("b*-*")
    assert folder.name.startswith("bank-")


class StoppedError(Exception):
    pass


def stop_when(n_ready: int) -> OnReady:
    def stop(_: FeatureBank, n_now: int) -> None:
        if n_now >= n_ready:
            raise StoppedError

    return stop


@pytest.mark.parametrize("max_workers", [1, TWO])
def test_a_stopped_build_goes_on(
    max_workers: int,
    cases: list[Case],
    recipe: BankRecipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / "undisturbed"))
    undisturbed = load_or_build_bank(cases[:120], recipe, 100, ThisProcess())
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / "stopped"))
    with pytest.raises(StoppedError):
        load_or_build_bank(
            cases[:120], recipe, 10, LocalProcesses(max_workers), on_ready=stop_when(60)
        )
    told: list[int] = []
    bank = load_or_build_bank(cases[:120], recipe, 7, ThisProcess(), lambda n, _: told.append(n))
    assert 60 < told[0] < 120  # what was written is not built again
    for name in FeatureBank._fields:
        assert np.array_equal(getattr(bank, name), getattr(undisturbed, name)), name
    (folder,) = cache_dir().iterdir()
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".npy") == [
        "lock",
        "manifest.json",
    ]


@pytest.mark.parametrize("damage", ["array", "line", "header"])
def test_a_stopped_build_trusts_only_what_is_whole(
    damage: str, cases: list[Case], recipe: BankRecipe, cache: Path
) -> None:
    with pytest.raises(StoppedError):
        load_or_build_bank(cases[:40], recipe, 10, ThisProcess(), on_ready=stop_when(30))
    (folder,) = cache.iterdir()
    if damage == "array":
        with (folder / "completeness.npy").open("r+b") as file:
            file.seek(-8 * 35, 2)  # in the first chunk
            file.write(b"x")
    elif damage == "line":
        os.truncate(folder / "chunks.jsonl", (folder / "chunks.jsonl").stat().st_size - 5)
    else:
        (folder / "rows.npy").write_bytes(b"")
    told: list[int] = []
    bank = load_or_build_bank(cases[:40], recipe, 10, ThisProcess(), lambda n, _: told.append(n))
    assert told == {"array": [30, 40], "line": [30, 40], "header": [10, 20, 30, 40]}[damage]
    assert (bank.completeness <= 1).all()
    assert (bank.rows[:, 0] >= -1).all()


@pytest.mark.parametrize("max_workers", [1, TWO])
def test_a_growing_bank_is_shown_as_far_as_it_is_finished(
    max_workers: int, cases: list[Case], recipe: BankRecipe, cache: Path
) -> None:
    shown: list[tuple[int, NDArray[np.float64]]] = []

    def look(bank: FeatureBank, n_ready: int) -> None:
        shown.append((n_ready, bank.completeness[:n_ready].copy()))

    bank = load_or_build_bank(cases[:40], recipe, 7, LocalProcesses(max_workers), on_ready=look)
    n_ready = [n for n, _ in shown]
    assert n_ready == sorted(set(n_ready))
    assert n_ready[-1] == 40
    for n, completeness in shown:
        assert np.array_equal(bank.completeness[:n], completeness)


def test_the_key_of_a_bank_knows_what_it_depends_on(cases: list[Case], recipe: BankRecipe) -> None:
    key = recipe.key(cases)
    assert key == recipe.key(list(cases))
    assert key != recipe.key(cases[:-1])
    assert key != recipe._replace(top_k=recipe.top_k + 1).key(cases)
    assert key != recipe._replace(catalogue_sha256="other").key(cases)
    renamed = [cases[0]._replace(exam_name="CT Head renamed"), *cases[1:]]
    assert key != recipe.key(renamed)


def test_few_gold_rows_are_vetoed_and_most_are_candidates(
    workspace: Workspace, config: Configuration
) -> None:
    cases = cases_of_each_site(workspace, 200, open_test_sites=True)
    labelled = workspace.bank(cases).at(config.split.tuning).answerable()
    sanity = workspace.bank(workspace.load_sanity().cases).answerable()
    assert WeightObjective(labelled, sanity, config.objective).ceiling >= 0.95
