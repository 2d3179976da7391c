from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.coefficients import effective_coefficients
from engine.lookup import LookupEngine
from objectives.bank import BankRecipe, build_bank, cache_dir, load_or_build_bank
from objectives.objective import WeightObjective
from objectives.scoring import rank_first
from objectives.workspace import Workspace
from tests.conftest import ROOT, random_weights

if TYPE_CHECKING:
    from pathlib import Path

    from objectives.cases import Case
    from objectives.configuration import Configuration


@pytest.fixture(scope="module")
def workspace(config: Configuration) -> Workspace:
    return Workspace(config)


@pytest.fixture(scope="module")
def cases(workspace: Workspace) -> list[Case]:
    files = sorted((ROOT / "data" / "training").glob("*.json"))
    return [case for path in files for case in workspace.load_cases([path], 30).cases]


@pytest.fixture(scope="module")
def recipe(workspace: Workspace, config: Configuration) -> BankRecipe:
    return workspace.recipe


def test_a_bank_equals_one_name_at_a_time(
    cases: list[Case], recipe: BankRecipe, config: Configuration
) -> None:
    """Same candidates, same order and same scores, for every case and a few random weights."""
    bank = build_bank(cases, recipe, chunk_size=64, max_workers=1)
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


def test_a_bank_does_not_depend_on_chunks_or_processes(
    cases: list[Case], recipe: BankRecipe
) -> None:
    one = build_bank(cases[:120], recipe, chunk_size=1000, max_workers=1)
    many = build_bank(cases[:120], recipe, chunk_size=17, max_workers=2)
    for name in ("features", "rows", "departs", "n_candidates", "non_clinical"):
        assert np.array_equal(getattr(one, name), getattr(many, name)), name


def test_a_bank_is_kept_and_a_broken_one_built_again(
    cases: list[Case], recipe: BankRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path / "cache"))
    first = load_or_build_bank(cases[:40], recipe, 100, 1)
    (folder,) = cache_dir().iterdir()
    manifest = folder / "manifest.json"
    written = manifest.stat().st_mtime_ns
    load_or_build_bank(cases[:40], recipe, 7, 1)
    assert manifest.stat().st_mtime_ns == written
    (folder / "rows.npy").write_bytes(b"cut off")
    again = load_or_build_bank(cases[:40], recipe, 100, 1)
    assert np.array_equal(first.features, again.features)
    assert json.loads((folder / "manifest.json").read_text())["key"] == recipe.key(cases[:40])
    assert not list(cache_dir().glob("building-*"))


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
    files = sorted((ROOT / "data" / "training").glob("*.json"))
    cases = [case for path in files for case in workspace.load_cases([path], 200).cases]
    labelled = workspace.bank(cases).at(config.split.tuning).answerable()
    sanity = workspace.bank(workspace.load_sanity().cases).answerable()
    assert WeightObjective(labelled, sanity, config.objective).ceiling >= 0.95
