"""The labels of the test sites are opened by the search benchmark and by nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners
from objectives.cases.cases import dataset_files
from objectives.decisions.case_results import judge
from objectives.training.metrics import TrainingMetrics, measure
from objectives.workspace import Workspace
from studies.datasets import load_material
from support.errors import InputFileError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from objectives.cases.cases import CaseSet
    from objectives.configuration import Configuration

PACKAGES = ("support", "engine", "exchange", "objectives", "studies", "scripts", "benchmarks")
ARGUMENT = "open_test_sites"
MAY_OPEN = {"benchmarks/search.py"}
READER = "load_cases"  # of objectives/cases/cases.py: it withholds only what it is told to
MAY_READ = {
    "objectives/cases/cases.py",
    "objectives/workspace.py",
    "objectives/cases/usage_cache.py",
}
GOLD = "CT Head"


def passes(tree: ast.AST) -> bool:
    """Whether code gives the argument, be it by a string in a dictionary."""
    return any(
        (isinstance(node, ast.keyword) and node.arg == ARGUMENT)
        or (isinstance(node, ast.Constant) and node.value == ARGUMENT)
        for node in ast.walk(tree)
    )


def reads(tree: ast.AST) -> bool:
    """Whether code takes the reader from its module, past the workspace."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "objectives.cases.cases"
        and any(alias.name in (READER, "*") for alias in node.names)
        for node in ast.walk(tree)
    ) or any(
        isinstance(node, ast.Attribute)
        and node.attr == READER
        and ast.unparse(node.value).split(".")[-1] == "cases"
        for node in ast.walk(tree)
    )


def test_nothing_but_the_search_benchmark_opens_the_test_sites() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    trees = {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths
    }
    assert {name for name, tree in trees.items() if passes(tree)} == MAY_OPEN
    assert {name for name, tree in trees.items() if reads(tree)} <= MAY_READ


@pytest.mark.parametrize(
    ("code", "is_seen"),
    [
        ("w.load_cases(p, open_test_sites=True)", True),
        ("partial(w.load_cases, open_test_sites=x)", True),
        ("w.load_cases(p, **{'open_test_sites': True})", True),
        ("w.load_cases(p)", False),
    ],
)
def test_an_opening_is_seen(code: str, *, is_seen: bool) -> None:
    assert passes(ast.parse(code)) == is_seen


@pytest.mark.parametrize(
    ("code", "is_seen"),
    [
        ("from objectives.cases.cases import Case, load_cases as read", True),
        ("from objectives import cases\ncases.load_cases(p, n)", True),
        ("import objectives.cases.cases\nobjectives.cases.load_cases(p, n)", True),
        ("workspace.load_cases(p)", False),
    ],
)
def test_a_way_past_the_workspace_is_seen(code: str, *, is_seen: bool) -> None:
    assert reads(ast.parse(code)) == is_seen


def read(config: Configuration, folder: Path, records: list[dict[str, object]]) -> CaseSet:
    path = folder / "cases.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return Workspace(config).load_cases([path])


def test_cases_of_test_sites_stay_and_their_labels_do_not(
    config: Configuration, tmp_path: Path
) -> None:
    closed: dict[str, object] = {"DATA_SOURCE": " eastwold", "EXAM_NAME": "CT Head"}
    loaded = read(
        config,
        tmp_path,
        [
            {"DATA_SOURCE": "NORTHMOOR", "EXAM_NAME": "Head", "EXPECTED_NAME": GOLD},
            closed | {"EXPECTED_NAME": GOLD},
            closed | {"EXPECTED_NAME": None},
            closed,
            closed | {"EXAM_NAME": ""},
        ],
    )
    assert [(case.site, case.gold, case.has_gold) for case in loaded.cases] == [
        ("NORTHMOOR", GOLD, True),
        *[("EASTWOLD", None, False)] * 3,
    ]
    assert loaded.held_back == {"EASTWOLD": 2}
    assert len(loaded.bad_records) == 1
    assert loaded.n_records == 5


def measured(config: Configuration, folder: Path, label: str | None) -> TrainingMetrics:
    """Train on one open case and closed ones, all of which have the same label."""
    names = ("CT Head", "MRI Knee LT", "XR Chest", "US Abdomen")
    records: list[dict[str, object]] = [
        {"DATA_SOURCE": site, "EXAM_NAME": name, "EXPECTED_NAME": label}
        for site in config.split.test
        for name in names
    ]
    records.append({"DATA_SOURCE": "NORTHMOOR", "EXAM_NAME": "CT Head", "EXPECTED_NAME": GOLD})
    loaded = read(config, folder, records)
    workspace = Workspace(config)
    answers = judge(workspace.bank(loaded.cases), config.judgement).answers
    return measure(config, loaded, answers, workspace, validation_split=0.5)


def test_no_label_of_the_test_sites_reaches_a_figure(
    config: Configuration, tmp_path: Path
) -> None:
    found, *others = (measured(config, tmp_path, label) for label in (GOLD, "MRI Knee Lt", None))
    assert others == [found, found]
    assert found.processed_cases == 9
    assert found.labelled_cases == found.answerable_cases == found.correct == 1
    assert found.held_back == dict.fromkeys(sorted(config.split.test), 4)
    assert found.site_accuracies.keys() == {"NORTHMOOR"}


def test_a_sanity_set_with_labels_of_a_test_site_is_refused_with_the_way_out(
    config: Configuration, tmp_path: Path
) -> None:
    path = tmp_path / "sanity.json"
    record = {"DATA_SOURCE": "EASTWOLD", "EXAM_NAME": "Head", "EXPECTED_NAME": GOLD}
    path.write_text(json.dumps([record]), encoding="utf-8")
    with pytest.raises(InputFileError, match=r"test sites EASTWOLD.*out of split\.test"):
        Workspace(config).load_sanity(path)


def test_a_study_knows_no_label_of_the_test_sites_but_hashes_all_files(
    config: Configuration,
) -> None:
    material = load_material(config, [], None)
    closed = set(config.split.test)
    for cases in (material.tuning.cases, material.gate.cases):
        assert cases
        assert not closed & {case.site for case in cases}
    loaded = material.loaded
    of_closed = [case for case in loaded.cases if case.site in closed]
    assert len(of_closed) == sum(loaded.held_back.values()) > 0
    assert loaded.held_back.keys() == closed
    assert not any(case.has_gold or case.gold for case in of_closed)
    judged = material.workspace.bank(loaded.cases).at(config.split.test)
    assert len(judged.cases) == len(of_closed)
    assert not judged.labels.answerable.any()
    assert not judged.labels.codes.any()
    winners = find_winners(judged, effective_coefficients(config.weights))
    assert not winners.correct.any()
    assert not winners.gold_within.any()
    assert not winners.critical.any()
    files = dataset_files(config.data.training_dir)
    assert loaded.sha256.keys() == {path.name for path in files}
    opened = material.workspace.load_cases(files, open_test_sites=True)
    assert opened.held_back == {}
    assert opened.sha256 == loaded.sha256
    assert all(case.has_gold for case in opened.cases if case.site in closed)
    assert len(opened.cases) == len(loaded.cases) == loaded.n_records
