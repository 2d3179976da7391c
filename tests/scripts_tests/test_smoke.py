"""Every verb in a process of its own, once: that it starts, says something and ends well.

These are the only tests of `make test` that start processes. What a process shows and a call
within the tests hides is looked at here: that no library says anything of its own.
"""

from __future__ import annotations

import re
import signal
from importlib.metadata import version
from typing import TYPE_CHECKING

import optuna
import pytest

from scripts.run_training import VERBS
from tests.conftest import ROOT
from tests.scripts_tests.browsing import LOG, dashboard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts_tests.conftest import Cli, CliHere

CONFIG = str(ROOT / "config.yaml")
# What libraries say by themselves, Optuna a line a trial.
NOISE = re.compile(r"^\[[DIWEC] |Warning|Traceback", re.MULTILINE)
STUDY = "{name: mine, strategy: random_search, budget: {trials: 2}, data: {training_dir: %s}}"
SMOKE = {
    "train": (("--limit", "40", "--json"), '"processed_cases": 40'),
    "compare": ((CONFIG, CONFIG, "--json"), '"changed": []'),
    "weights": ((), "Without effect: "),
    "calibrate": (("--config", "own.yaml", "--json"), '"accept_threshold"'),
    "validate": (("--json",), '"n_cases": 100'),
    "lookup": (("XR KNEE LT WB", "--json"), '"XR Knee weight bearing Lt"'),
    "map": (("--input", "in.csv", "--output", "out.csv", "--json"), '"n_records": 1'),
    "submit": (("mine.yaml", "--allow-outside"), "study 'mine' is submitted: 2 trials"),
    "worker": ((), "no study is open; ended here: 'mine'"),
    "status": (("--json",), '"name": "mine"'),
    "cancel": (("mine",), "is cancelled"),
    "delete": (("mine", "--yes"), "deleted"),
}
OF_DATA = {"train", "compare", "weights", "calibrate"}
OF_A_STUDY = {"worker", "status", "cancel", "delete"}
OF_THEIR_OWN = {"optimize", "dashboard"}


def test_no_verb_is_left_out() -> None:
    assert SMOKE.keys() | OF_THEIR_OWN == VERBS.keys()


def test_the_version_is_said(cli: CliHere) -> None:
    assert cli("--version") == (0, f"radtune {version('radtune')}\n", "")


@pytest.mark.parametrize("verb", SMOKE)
def test_a_verb_runs(verb: str, process_cli: Cli, cli: CliHere) -> None:
    options, said = SMOKE[verb]
    cli.write("own.yaml", (ROOT / "config.yaml").read_text(encoding="utf-8"))
    cli.write("in.csv", "exam_name\nCT Head\n")
    cli.write("mine.yaml", STUDY % cli.data)
    if verb in OF_A_STUDY:
        assert cli("submit", "mine.yaml", "--allow-outside").code == 0
    data = ("--dataset-dir", str(cli.data)) if verb in OF_DATA else ()
    ran = process_cli(verb, *data, *options)
    assert ran.code == 0, ran.stderr
    assert said in ran.stdout
    assert not NOISE.search(ran.stderr), ran.stderr


def test_a_study_runs(process_cli: Cli) -> None:
    options = ("--dataset-dir", str(process_cli.data), "--max-experiments", "2")
    ran = process_cli("optimize", *options)
    assert ran.code in (0, 3, 4), ran.stderr
    assert "Experiments run: 2" in ran.stdout
    assert not NOISE.search(ran.stderr), ran.stderr


def test_the_dashboard_runs_until_ctrl_c(process_cli: Cli, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    optuna.create_study(storage=storage, study_name="mine")
    with dashboard(storage, tmp_path, process_cli.environment) as page:
        assert "mine" in page("/api/studies")
        page.server.send_signal(signal.SIGINT)
        assert page.server.wait() == 0
    assert "Traceback" not in (tmp_path / LOG).read_text(encoding="utf-8")
