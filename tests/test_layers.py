"""Imports point one way, from room to room; the generator is apart."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("support", "engine", "exchange", "objectives", "studies", "scripts")
# The rooms and single modules of each layer: each imports those before it, never one after it.
# Names on one line do not import each other.
ROOMS = {
    "support": """
        errors
        files process_locks databases identifiers caches atomic_files worker_process installation
        unknown_names
        model_problems
        hashing safe_yaml executors
        engine_version arrays
        compute
    """,
    "engine": """
        rounding settings vocabulary
        reading
        catalogue
        ranking
        decision
        lookup
    """,
    "exchange": """
        masking catalogues lists
        maps
    """,
    "objectives": """
        configuration
        search_space cases
        bank
        lines metrics workspace
        shards decisions
        objective validation training
        weight_effects
    """,
    "studies": """
        trial progress stopping datasets config_selection
        storage
        samplers pruners gate importance dashboard calibrate
        definition warm_start compare
        weight_report coordinator
        export search
        optimizer worker_loop
    """,
    "scripts": """
        shared
        calibrate cancel compare dashboard delete lookup map optimize status submit train
        validate weights worker
        run_training
    """,
}
FORBIDDEN_IN_ENGINE = {"optuna", "sqlalchemy", "time", "datetime", "os", "logging", "random"}


def modules_of(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, at whatever depth, for types or lazily."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its layer"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_lower_ones(layer: str) -> None:
    higher = set(LAYERS[LAYERS.index(layer) + 1 :]) | {"benchmarks", "data", "tests"}
    for path in modules_of(layer):
        assert not packages(path) & higher, path


@pytest.mark.parametrize("layer", LAYERS)
def test_a_room_imports_only_those_before_it(layer: str) -> None:
    floors = [line.split() for line in ROOMS[layer].strip().splitlines()]
    floor_of = {room: number for number, rooms in enumerate(floors) for room in rooms}
    inside = {
        path.relative_to(ROOT / layer).parts[0].removesuffix(".py") for path in modules_of(layer)
    }
    assert inside - {"__init__"} == set(floor_of)
    for path in modules_of(layer):
        own = path.relative_to(ROOT / layer).parts[0].removesuffix(".py")
        if own == "__init__":
            continue  # the front door
        for name in imported(path):
            package, room, *_ = [*name.split("."), ""]
            if package == layer and room != own:
                assert floor_of[room] < floor_of[own], f"{path} imports {name}"


def test_no_folder_is_crowded() -> None:
    for layer in LAYERS:
        for folder in {path.parent for path in modules_of(layer)}:
            assert (folder / "__init__.py").exists(), folder
            assert len(list(folder.glob("*.py"))) <= 20, folder


def test_the_engine_is_pure() -> None:
    for path in modules_of("engine"):
        assert not packages(path) & FORBIDDEN_IN_ENGINE, path
        ours = {name for name in imported(path) if name.startswith("support.")}
        assert all(name.startswith("support.errors.") for name in ours), path
        reads = {"open", "read_text", "read_bytes"} & set(dir_of_calls(path))
        assert not reads or path.name == "lexicon.py", path  # its own tables


def dir_of_calls(path: Path) -> list[str]:
    """Name what a file calls."""
    calls = [
        node.func
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    names = [call.id for call in calls if isinstance(call, ast.Name)]
    return names + [call.attr for call in calls if isinstance(call, ast.Attribute)]


def test_the_data_generator_shares_nothing_with_the_engine() -> None:
    for path in modules_of("data"):
        assert not packages(path) & set(LAYERS), path


def test_the_engine_never_reads_the_truth_about_the_rows() -> None:
    for path in modules_of("engine"):
        assert "slots.json" not in path.read_text(encoding="utf-8"), path
