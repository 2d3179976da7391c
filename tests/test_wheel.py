"""The wheel: built from the sdist, installed into an environment of its own, used anywhere."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.test_layers import LAYERS

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

PACKAGE = "radtune_data"
SETTINGS = ("config.yaml", "docs/dask.yaml")
BUILD_FILES = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py")
N_RECORDS_PER_SITE = 60
OWN = ("PYTHON", "RADTUNE_", "OPTUNA_", "DASK_", "COVERAGE")  # beginnings of variables
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}


def run(
    *command: str | Path, folder: Path, environment: dict[str, str] = ENVIRONMENT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def build(kind: str, source: Path, output: Path) -> Path:
    """Build what `setuptools.build_meta` can, without a package index."""
    program = f"import sys; from setuptools import build_meta as b; b.build_{kind}(sys.argv[1])"
    done = run(sys.executable, "-c", program, output, folder=source, environment={**os.environ})
    assert done.returncode == 0, done.stderr
    [built] = output.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    nothing_built = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("data", "docs", *LAYERS):
        shutil.copytree(ROOT / name, copy / name, ignore=nothing_built)
    for name in (*BUILD_FILES, "config.yaml"):
        shutil.copy(ROOT / name, copy)
    for output in ("sdist", "unpacked", "built"):
        (folder / output).mkdir()
    with tarfile.open(build("sdist", copy, folder / "sdist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    return build("wheel", source, folder / "built")


@pytest.fixture(scope="module")
def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command ``radtune`` of an environment with the wheel and the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    options = ("--no-deps", "--no-index", "--disable-pip-version-check")
    installed = run(
        sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, folder=folder
    )
    assert installed.returncode == 0, installed.stderr
    [packages] = folder.glob("lib/python*/site-packages")
    # .pth files of that folder, such as an editable install's, are not read
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin" / "radtune"


def test_the_wheel_carries_the_files_of_the_checkout(members: dict[str, bytes]) -> None:
    named = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["data"]
    folder = named.pop("training_dir")
    expected = {
        *SETTINGS,
        *named.values(),
        *(f"{folder}/{path.name}" for path in (ROOT / folder).iterdir()),
        *(f"studies/{path.name}" for path in (ROOT / "studies").glob("*.yaml")),
    }
    carried = {
        name.removeprefix(f"{PACKAGE}/"): content
        for name, content in members.items()
        if name.startswith(f"{PACKAGE}/")
    }
    assert carried.keys() == {"__init__.py", *expected}
    for name in expected:
        assert carried[name] == (ROOT / name).read_bytes(), name


def test_the_wheel_carries_all_code_once_and_says_that_it_is_typed(
    members: dict[str, bytes],
) -> None:
    sources = {
        path.relative_to(ROOT).as_posix()
        for layer in LAYERS
        for pattern in ("*.py", "*.toml", "py.typed")
        for path in (ROOT / layer).rglob(pattern)
    }
    assert {f"{layer}/py.typed" for layer in LAYERS} <= sources
    metadata = next(name for name in members if name.endswith("/METADATA")).partition("/")[0]
    others = (f"{PACKAGE}/", f"{metadata}/")
    assert {name for name in members if not name.startswith(others)} == sources
    for name in sources:
        assert members[name] == (ROOT / name).read_bytes(), name


def test_it_says_its_version(program: Path, tmp_path: Path) -> None:
    assert run(program, "--version", folder=tmp_path).stdout == "radtune 0.1.0\n"


def test_a_name_is_looked_up_in_an_empty_folder(program: Path, tmp_path: Path) -> None:
    done = run(program, "lookup", "CT Head", "--modality", "CT", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "MATCH"
    assert [path.name for path in tmp_path.iterdir()] == [".local"]


def test_a_file_is_mapped_in_an_empty_folder(program: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("exam_name,modality\nCT Head,CT\nXR KNEE LT WB,CR\n", encoding="utf-8")
    done = run(program, "map", "--input", names, "--output", "mapped.csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "mapped.csv").open(encoding="utf-8", newline="") as file:
        assert [row["preferred_name"] for row in csv.DictReader(file)] == [
            "CT Head",
            "XR Knee weight bearing Lt",
        ]


def test_a_built_in_study_runs_in_an_empty_folder(program: Path, tmp_path: Path) -> None:
    """On few cases: all of them take most of a minute."""
    cases = tmp_path / "cases"
    cases.mkdir()
    for path in (ROOT / "data" / "training").glob("*.json"):
        records = json.loads(path.read_text(encoding="utf-8"))[:N_RECORDS_PER_SITE]
        (cases / path.name).write_text(json.dumps(records), encoding="utf-8")
    options = ("studies/auto.yaml", "--max-experiments", "3", "--dataset-dir", cases)
    done = run(program, "optimize", *options, "--json", folder=tmp_path)
    assert done.returncode in (0, 3, 4), done.stderr
    found = json.loads(done.stdout)
    assert (found["study_name"], found["n_trials"]) == ("auto", 3)
    assert (tmp_path / "optimization_results.db").is_file()
    assert (tmp_path / "optimized_config.yaml").is_file() == (done.returncode == 0)
    assert "Traceback" not in done.stderr
