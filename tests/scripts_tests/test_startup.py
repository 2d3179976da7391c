"""What a lookup imports: it answers in less time than the libraries of a study take to load."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import objectives
from scripts.run_training import VERBS
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NOT_FOR_A_LOOKUP = {
    "sklearn", "scipy", "optuna", "joblib", "sqlalchemy", "pandas", "multiprocessing",
    "rich.table", "rich.progress", "objectives.training.framework", "objectives.validation",
    "studies", "scripts.train", "scripts.optimize", "scripts.validate", "scripts.map",
    "scripts.shared.progress", "scripts.weights",
}  # fmt: skip
PROGRAM = """
import sys
from scripts.run_training import main
try:
    main()
finally:
    sys.stderr.write("\\n".join(sys.modules))
"""


def run(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env={**os.environ, "RADTUNE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )


def modules_after(cache: Path, *arguments: str) -> set[str]:
    done = run(cache, *arguments)
    assert done.returncode == 0
    assert "XR Knee weight bearing Lt" in done.stdout
    return set(done.stderr.split())


@pytest.mark.process
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_lookup_imports_only_what_it_needs(options: list[str], tmp_path: Path) -> None:
    for _ in ("cold", "warm"):
        loaded = modules_after(tmp_path, "lookup", "XR KNEE LT WB", *options)
        assert "scripts.lookup" in loaded
        assert loaded & NOT_FOR_A_LOOKUP == set()


@pytest.mark.process
@pytest.mark.parametrize("arguments", [[], ["--help"], ["no-such-verb"]])
def test_the_list_of_verbs_imports_none_of_them(arguments: list[str], tmp_path: Path) -> None:
    loaded = run(tmp_path, *arguments).stderr.split()
    assert "scripts.run_training" in loaded
    verbs = {f"scripts.{verb}" for verb in VERBS}
    assert not set(loaded) & (NOT_FOR_A_LOOKUP | verbs)


def test_the_public_names_of_a_package_are_there_when_asked_for() -> None:
    assert set(objectives.__all__) <= set(dir(objectives))
    for name in objectives.__all__:
        assert getattr(objectives, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = objectives.Nothing
