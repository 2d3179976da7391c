"""The two custom scripts of the users' guide, with only their import lines changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from objectives import TrainingConfig
from objectives.configuration import load_configuration
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli

TRAINING = """
from objectives import ScalableTrainingFramework, TrainingConfig

# Custom configuration
config = TrainingConfig(
    chunk_size=2000,
    max_workers=8,
    experiment_name="high_performance_test"
)

# Run training
framework = ScalableTrainingFramework(config)
metrics = framework.train_on_dataset(["Training/radiology_codes_cleaned_v10.json"])
"""

ALL_OPTIONS = """
from objectives import TrainingConfig

config = TrainingConfig(
    chunk_size=1000,              # Cases per processing chunk
    max_workers=4,                # Parallel workers
    validation_split=0.1,         # Portion for validation
    memory_cleanup_interval=5000, # Cases between memory cleanup
    checkpoint_interval=2500,     # Cases between checkpoints
    resume_from_checkpoint=True   # Resume interrupted training
)
"""
RECENT = "SELECT * FROM training_sessions ORDER BY id DESC LIMIT 5;"

OPTIMIZATION = """
from studies import TrainingOptimizer, OptimizationConfig

# Custom optimization ranges
opt_config = OptimizationConfig(
    anatomy_weights=[0.25, 0.30, 0.35],
    modality_weights=[0.25, 0.30, 0.35],
    max_experiments=100
)

optimizer = TrainingOptimizer(opt_config)
best_result = optimizer.optimize(dataset_paths, "custom_optimization")
"""


def run(cli: Cli, script: str) -> str:
    path = cli.folder / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[I " not in done.stderr
    return done.stdout


@pytest.mark.process
def test_custom_training_and_its_session_are_as_the_guide_shows_them(cli: Cli) -> None:
    shown = run(cli, f"{TRAINING}\nprint(metrics.experiment_name, metrics.total_cases)")
    assert shown.split() == ["high_performance_test", "1750"]
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3 program here")
    done = subprocess.run(
        ["sqlite3", "-header", "training_sessions.db", RECENT],
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    names, values = (line.split("|") for line in done.stdout.splitlines())
    assert names[:3] == ["id", "experiment_name", "status"]
    assert values[:3] == ["1", "high_performance_test", "completed"]
    row = dict(zip(names, values, strict=True))
    assert row["total_cases"] == row["processed_cases"] == "1750"


def test_the_training_configuration_is_that_of_the_configuration_file() -> None:
    """The options of the guide are the defaults of today."""
    found: dict[str, object] = {}
    exec(ALL_OPTIONS, found)  # noqa: S102
    options = found["config"]
    assert isinstance(options, TrainingConfig)
    defaults = load_configuration(ROOT / "config.yaml").training
    assert options.settings(defaults) == defaults
    assert TrainingConfig(validation_split=0.2).settings(defaults).validation_split == 0.2


@pytest.mark.process
def test_custom_optimization(cli: Cli) -> None:
    paths = sorted(str(path) for path in cli.data.glob("*.json"))
    asked = (
        "print(best_result.study_name, best_result.n_trials, *best_result.best_params.values())"
    )
    shown = run(cli, f"dataset_paths = {paths}\n{OPTIMIZATION}\n{asked}").split()
    assert shown[0] == "custom_optimization"
    assert 1 < int(shown[1]) <= 100  # auto ends when nothing gains any more
    anatomy, modality = float(shown[2]), float(shown[3])
    assert 0.25 <= anatomy <= 0.35
    assert 0.25 <= modality <= 0.35
