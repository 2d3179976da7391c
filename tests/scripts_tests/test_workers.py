"""Submit, work, look, cancel and delete, as a user does."""

from __future__ import annotations

import json
import platform
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import optuna
import pytest

from tests.conftest import ROOT
from tests.scripts_tests.test_optimize import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripts_tests.conftest import Cli, CliHere, Ran

STUDY = """
name: {name}
data: {{training_dir: {data}}}
strategy: random_search
pruner: none
budget: {{trials: {trials}{more}}}
"""
DATABASE = "optimization_results.db"


def study_file(cli: Cli, name: str = "small", trials: int = 4, more: str = "") -> str:
    text = STUDY.format(name=name, data=cli.data, trials=trials, more=more)
    cli.write(f"{name}.yaml", text)
    return f"{name}.yaml"


def submit(cli: Cli, *options: str, **study: object) -> Ran:
    file = study_file(cli, **study)  # type: ignore[arg-type]
    return cli("submit", file, "--allow-outside", *options)


def status(cli: Cli) -> dict[str, dict[str, object]]:
    studies = cli("status", "--json").document["studies"]
    return {study["name"]: study for study in studies}


@contextmanager
def working(cli: Cli, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker that has written some trials already."""
    before = n_trials(cli)
    with cli.start("worker", *options) as process:
        try:
            while n_trials(cli) == before:
                assert process.poll() is None
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def n_trials(cli: Cli) -> int:
    """Look without making or changing anything."""
    with closing(sqlite3.connect(f"file:{cli.folder / DATABASE}?mode=ro", uri=True)) as database:
        (found,) = database.execute("select count(*) from trials").fetchone()
        return int(found)


def test_a_study_from_its_submission_to_its_deletion(cli: CliHere) -> None:
    submitted = submit(cli)
    assert submitted.code == 0, submitted.stderr
    assert "study 'small' is submitted: 4 trials" in submitted.stdout
    assert "radtune worker" in submitted.stdout
    before = status(cli)["small"]
    assert (before["state"], before["n_trials"], before["budget"]) == ("open", 0, 4)
    assert (before["best"], before["run_by"]) == (None, None)

    worked = cli("worker")
    assert worked.code == 0, worked.stderr
    assert "no study is open; ended here: 'small'" in worked.stdout
    told = [line for line in worked.stderr.splitlines() if "facts of" not in line]
    assert told[0] == "study 'small': 0 trials are there"
    assert re.fullmatch(r"trial 4/4  best value 0\.\d{4}", told[-2])
    assert told[-1] == "study 'small': all 4 trials done"
    after = status(cli)["small"]
    assert (after["state"], after["n_trials"]) == ("finished", 4)
    assert isinstance(after["best"], float)
    assert isinstance(after["gain"], float)
    assert cli("cancel", "small").error.endswith("is not open: there is nothing to cancel")

    submit(cli, "--max-experiments", "6")
    assert cli("worker").code == 0
    assert status(cli)["small"]["n_trials"] == 6
    table = cli("status").stdout
    assert "small" in table
    assert "6 of 6" in table

    held = cli("optimize", "small.yaml", "--allow-outside", "--max-experiments", "6", "--json")
    assert held.document["n_trials"] == 6
    assert held.document["n_new_trials"] == 0
    assert held.code == CODES[held.document["decision"]]

    kept = cli.asked("n\n", "delete", "small")
    assert kept.code == 1
    assert "Delete study 'small' with its 6 trials?" in kept.stdout + kept.stderr
    assert "nothing was deleted" in kept.stdout
    assert status(cli).keys() == {"small"}
    assert cli.asked("y\n", "delete", "small").code == 0
    assert status(cli) == {}
    assert "there is no study 'small'; there are: none" in cli("delete", "small", "--yes").error


def test_what_a_study_is_and_came_from_is_kept_without_passwords(cli: CliHere) -> None:
    url = f"sqlite:///{DATABASE}"
    config = (ROOT / "config.yaml").read_text(encoding="utf-8")
    secret = "postgresql://me:s3cr3t@localhost/x"  # noqa: S105 - made up
    cli.write("config.yaml", config.replace("sqlite:///training_sessions.db", secret))
    assert submit(cli, "--storage", url).code == 0
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{cli.folder / DATABASE}")
    kept = study.user_attrs
    assert kept["definition"]["study"]["max_experiments"] == 4
    assert kept["definition"]["configuration"]["data"]["training_dir"] == str(cli.data)
    assert kept["submitted"]["command_line"][1:] == [
        *("submit", "small.yaml", "--allow-outside", "--storage", url)
    ]
    assert "sha256:" in kept["submitted"]["code_version"]
    assert "s3cr3t" not in json.dumps(kept)
    assert "postgresql://me@localhost/x" in json.dumps(kept)


def test_a_worker_takes_the_studies_it_is_told_to(cli: CliHere) -> None:
    for name in ("one", "two"):
        assert submit(cli, name=name, trials=2).code == 0
    told = cli("worker", "--study", "two")
    assert "no study is open of those named; ended here: 'two'" in told.stdout
    assert {name: one["n_trials"] for name, one in status(cli).items()} == {"one": 0, "two": 2}
    unknown = cli("worker", "--study", "other")
    assert unknown.code == 1
    assert "there is no study 'other'; there are: one, two" in unknown.stderr
    assert cli("worker").code == 0
    assert status(cli)["one"]["n_trials"] == 2


def test_a_study_of_other_data_is_left_to_others(cli: CliHere) -> None:
    for name in ("one", "two"):
        assert submit(cli, name=name, trials=2).code == 0
    url = f"sqlite:///{cli.folder / DATABASE}"
    cli.sql(
        "update study_user_attributes set value_json = replace(value_json, "
        """'"the catalogue": "', '"the catalogue": "0') where study_id = 1""",
        DATABASE,
    )
    ran = cli("worker")
    assert ran.code == 1
    *_, last = ran.stderr.strip().splitlines()
    assert last.startswith("radtune: error: could not be run here: 'one' (study 'one' cannot go")
    assert "the catalogue changed" in last
    assert "Traceback" not in ran.stderr
    assert len(optuna.load_study(study_name="two", storage=url).trials) == 2
    assert status(cli)["one"]["state"] == "open"


def test_another_version_of_the_program_is_said(cli: CliHere) -> None:
    assert submit(cli, name="one", trials=2).code == 0
    cli.sql(
        "update study_user_attributes set value_json = "
        "replace(value_json, 'sha256:', 'other:') where key = 'submitted'",
        DATABASE,
    )
    ran = cli("worker")
    assert ran.code == 0
    assert "'one' was submitted by another version of this program" in ran.stderr
    submit(cli, name="two", trials=2)
    assert "another version" not in cli("worker").stderr


def test_the_time_limit_of_a_study_ends_the_worker_and_not_the_study(cli: CliHere) -> None:
    submit(cli, trials=500, more=", timeout: 0.000001")
    ran = cli("worker")
    assert ran.code == 0, ran.stderr
    assert "the time limit" in ran.stderr
    one = status(cli)["small"]
    assert one["state"] == "open"
    assert 1 <= int(str(one["n_trials"])) < 500


@pytest.mark.process
def test_a_study_has_one_owner_whoever_else_comes_and_another_when_that_is_gone(
    cli: CliHere,
) -> None:
    submit(cli, trials=100_000)
    with working(cli) as first:
        for second in (
            cli("optimize", "small.yaml", "--allow-outside"),
            cli("delete", "small", "--yes"),
        ):
            assert second.code == 5
            assert f"study 'small' is run by process {first.pid} on " in second.error
        one = status(cli)["small"]
        assert (one["state"], one["run_by"]) == ("open", f"{platform.node()} ({first.pid})")
        with cli.start("worker") as waiting:
            first.kill()
            first.wait()
            left = n_trials(cli)
            while n_trials(cli) == left:
                assert waiting.poll() is None
                time.sleep(0.01)
            assert str(status(cli)["small"]["run_by"]).endswith(f"({waiting.pid})")
            assert "is cancelled; its trials are kept" in cli("cancel", "small").stdout
            assert waiting.wait() == 0
    one = status(cli)["small"]
    assert (one["state"], one["run_by"], one["n_trials"]) == ("cancelled", None, n_trials(cli))
    assert cli("delete", "small", "--yes").code == 0


@pytest.mark.process
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_writes_what_has_run(
    sign: signal.Signals, cli: CliHere
) -> None:
    submit(cli, trials=100_000)
    with working(cli, "--forever") as process:
        process.send_signal(sign)
        assert process.wait() == 130
    one = status(cli)["small"]
    assert (one["state"], one["run_by"]) == ("open", None)
    assert one["n_trials"] == n_trials(cli) > 0
    submit(cli, "--max-experiments", "1")
    assert cli("worker").code == 0


def test_a_verb_that_looks_makes_no_database(cli: CliHere) -> None:
    for arguments in (("status",), ("cancel", "x"), ("delete", "x"), ("worker",)):
        assert "holds no studies" in cli(*arguments).error
    assert cli.files() == []


@pytest.mark.parametrize("name", ["[/]", "[bold]x", "ünï", "a" * 100])
def test_any_name_of_a_study_can_be_shown(name: str, cli: CliHere) -> None:
    url = f"sqlite:///{cli.folder / DATABASE}"
    optuna.create_study(storage=url, study_name=name)
    optuna.create_study(storage=url, study_name="of another program", directions=["minimize"] * 2)
    optuna.load_study(study_name="of another program", storage=url).add_trial(
        optuna.trial.create_trial(values=[1.0, 2.0])
    )
    shown = cli("status", COLUMNS="300")
    assert shown.code == 0, shown.stderr
    assert name in shown.stdout
    assert "not submitted" in shown.stdout
    other = status(cli)["of another program"]
    assert (other["n_trials"], other["best"], other["budget"]) == (1, None, None)


@pytest.mark.parametrize("verb", ["submit", "optimize"])
def test_data_that_cannot_be_used_leave_no_study(verb: str, cli: CliHere) -> None:
    cli.write("small.yaml", STUDY.format(name="small", data="none", trials=4, more=""))
    assert "none" in cli(verb, "small.yaml").error
    assert cli("status", "--json").document == {"studies": []}


@pytest.mark.parametrize("verb", ["submit", "optimize"])
def test_a_path_out_of_the_project_has_to_be_allowed(verb: str, cli: CliHere) -> None:
    refused = cli(verb, study_file(cli))
    assert f"small.yaml: data.training_dir: {cli.data} leads out of the project" in refused.error
    assert "--allow-outside" in refused.error
    assert cli.files() == ["small.yaml"]


def test_options_beat_the_study_file(cli: CliHere) -> None:
    file = study_file(cli)
    options = ("--max-experiments", "3", "--strategy", "qmc", "--study-name", "other")
    found = cli("optimize", file, "--allow-outside", *options, "--json").document
    assert (found["study_name"], found["strategy"], found["n_trials"]) == ("other", "qmc", 3)
    assert found["pruner"] == "none"


@pytest.mark.process
def test_a_shipped_study_has_a_target_of_make() -> None:
    def make(name: str) -> str:
        return subprocess.run(
            ["make", "--dry-run", f"study-{name}", "STAMP=", "ARGS=--workers 2"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert "radtune optimize studies/quick.yaml --workers 2" in make("quick")


@pytest.mark.parametrize("verb", ["submit", "worker", "status", "cancel", "delete"])
def test_help_says_what_a_verb_does(verb: str, cli: CliHere) -> None:
    ran = cli(verb, "--help")
    assert ran.code == 0
    assert "--storage" in ran.stdout
