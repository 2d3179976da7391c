"""Imports point one way: engine <- objectives <- studies <- scripts; the generator is apart."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("engine", "objectives", "studies", "scripts")
FORBIDDEN_IN_ENGINE = {"optuna", "sqlalchemy", "time", "datetime", "os", "logging", "random"}


def imported_packages(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its layer"
            found.add((node.module or "").split(".")[0])
    return found


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_lower_ones(layer: str) -> None:
    higher = set(LAYERS[LAYERS.index(layer) + 1 :]) | {"data", "tests"}
    assert modules_of(layer)
    for path in modules_of(layer):
        assert not imported_packages(path) & higher, path


def test_the_engine_is_pure() -> None:
    for path in modules_of("engine"):
        assert not imported_packages(path) & FORBIDDEN_IN_ENGINE, path


def test_the_data_generator_shares_nothing_with_the_engine() -> None:
    assert modules_of("data")
    for path in modules_of("data"):
        assert not imported_packages(path) & set(LAYERS), path


def test_the_engine_never_reads_the_truth_about_the_rows() -> None:
    for path in modules_of("engine"):
        assert "slots.json" not in path.read_text(encoding="utf-8"), path
