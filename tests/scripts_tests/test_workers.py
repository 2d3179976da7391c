"""Submit, work, look, cancel and delete, as a user does."""

from __future__ import annotations

import io
import json
import platform
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pytest

from scripts.run_training import main
from tests.conftest import ROOT
from tests.scripts_tests.conftest import COMMAND, Cli, Ran
from tests.scripts_tests.test_optimize import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY = """
name: {name}
data: {{training_dir: {data}}}
strategy: random_search
pruner: none
budget: {{trials: {trials}{more}}}
"""
DATABASE = "optimization_results.db"


class Here(Cli):
    """Runs commands within this process: that is over in no time, and most tests need no more."""

    def __init__(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(cli.folder, Path(cli.environment["RADTUNE_CACHE"]), cli.data)
        self._capsys = capsys
        self._patch = monkeypatch
        monkeypatch.chdir(cli.folder)
        monkeypatch.setenv("RADTUNE_CACHE", cli.environment["RADTUNE_CACHE"])
        monkeypatch.delenv("OPTUNA_STORAGE", raising=False)

    def __call__(self, *arguments: str, **environment: str) -> Ran:
        for name, value in environment.items():
            self._patch.setenv(name, value)
        self._patch.setattr(sys, "argv", [COMMAND[1], *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, said.out, said.err)

    def asked(self, answer: str, *arguments: str) -> Ran:
        self._patch.setattr(sys, "stdin", io.StringIO(answer))
        return self(*arguments)


@pytest.fixture
def here(cli: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(cli, capsys, monkeypatch)


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
def working(cli: Cli, *options: str) -> Iterator[subprocess.Popen[bytes]]:
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


def test_a_study_from_its_submission_to_its_deletion(here: Here) -> None:
    submitted = submit(here)
    assert submitted.code == 0, submitted.stderr
    assert "study 'small' is submitted: 4 trials" in submitted.stdout
    assert "radtune worker" in submitted.stdout
    before = status(here)["small"]
    assert (before["state"], before["n_trials"], before["budget"]) == ("open", 0, 4)
    assert (before["best"], before["run_by"]) == (None, None)

    worked = here("worker")
    assert worked.code == 0, worked.stderr
    assert "no study is open; ended here: 'small'" in worked.stdout
    after = status(here)["small"]
    assert (after["state"], after["n_trials"]) == ("finished", 4)
    assert isinstance(after["best"], float)
    assert isinstance(after["gain"], float)
    assert here("cancel", "small").error.endswith("is not open: there is nothing to cancel")

    submit(here, "--max-experiments", "6")
    assert here("worker").code == 0
    assert status(here)["small"]["n_trials"] == 6
    table = here("status").stdout
    assert "small" in table
    assert "6 of 6" in table

    held = here("optimize", "small.yaml", "--allow-outside", "--max-experiments", "6", "--json")
    assert held.document["n_trials"] == 6
    assert held.document["n_new_trials"] == 0
    assert held.code == CODES[held.document["decision"]]

    kept = here.asked("n\n", "delete", "small")
    assert kept.code == 1
    assert "Delete study 'small' with its 6 trials?" in kept.stdout + kept.stderr
    assert "nothing was deleted" in kept.stdout
    assert status(here).keys() == {"small"}
    assert here.asked("y\n", "delete", "small").code == 0
    assert status(here) == {}
    assert "there is no study 'small'; there are: none" in here("delete", "small", "--yes").error


def test_what_a_study_is_and_came_from_is_kept_without_passwords(here: Here) -> None:
    url = f"sqlite:///{DATABASE}"
    config = (ROOT / "config.yaml").read_text(encoding="utf-8")
    secret = "postgresql://me:s3cr3t@localhost/x"  # noqa: S105 - made up
    here.write("config.yaml", config.replace("sqlite:///training_sessions.db", secret))
    assert submit(here, "--storage", url).code == 0
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{here.folder / DATABASE}")
    kept = study.user_attrs
    assert kept["definition"]["study"]["max_experiments"] == 4
    assert kept["definition"]["configuration"]["data"]["training_dir"] == str(here.data)
    assert kept["submitted"]["command_line"][1:] == [
        *("submit", "small.yaml", "--allow-outside", "--storage", url)
    ]
    assert "sha256:" in kept["submitted"]["code_version"]
    assert "s3cr3t" not in json.dumps(kept)
    assert "postgresql://me@localhost/x" in json.dumps(kept)


def test_a_worker_takes_the_studies_it_is_told_to(here: Here) -> None:
    for name in ("one", "two"):
        assert submit(here, name=name, trials=2).code == 0
    told = here("worker", "--study", "two")
    assert "no study is open of those named; ended here: 'two'" in told.stdout
    assert {name: one["n_trials"] for name, one in status(here).items()} == {"one": 0, "two": 2}
    unknown = here("worker", "--study", "other")
    assert unknown.code == 1
    assert "there is no study 'other'; there are: one, two" in unknown.stderr
    assert here("worker").code == 0
    assert status(here)["one"]["n_trials"] == 2


def test_a_study_of_other_data_is_left_to_others(here: Here) -> None:
    for name in ("one", "two"):
        assert submit(here, name=name, trials=2).code == 0
    url = f"sqlite:///{here.folder / DATABASE}"
    with closing(sqlite3.connect(here.folder / DATABASE)) as database, database:
        database.execute(
            "update study_user_attributes set value_json = replace(value_json, "
            """'"the catalogue": "', '"the catalogue": "0') where study_id = 1"""
        )
    ran = here("worker")
    assert ran.code == 1
    *_, last = ran.stderr.strip().splitlines()
    assert last.startswith("radtune: error: could not be run here: 'one' (study 'one' cannot go")
    assert "the catalogue changed" in last
    assert "Traceback" not in ran.stderr
    assert len(optuna.load_study(study_name="two", storage=url).trials) == 2
    assert status(here)["one"]["state"] == "open"


def test_another_version_of_the_program_is_said(here: Here) -> None:
    assert submit(here, name="one", trials=2).code == 0
    with closing(sqlite3.connect(here.folder / DATABASE)) as database, database:
        database.execute(
            "update study_user_attributes set value_json = "
            "replace(value_json, 'sha256:', 'other:') where key = 'submitted'"
        )
    ran = here("worker")
    assert ran.code == 0
    assert "'one' was submitted by another version of this program" in ran.stderr
    submit(here, name="two", trials=2)
    assert "another version" not in here("worker").stderr


def test_the_time_limit_of_a_study_ends_the_worker_and_not_the_study(here: Here) -> None:
    submit(here, trials=500, more=", timeout: 0.000001")
    ran = here("worker")
    assert ran.code == 0, ran.stderr
    assert "the time limit" in ran.stderr
    one = status(here)["small"]
    assert one["state"] == "open"
    assert 1 <= int(str(one["n_trials"])) < 500


@pytest.mark.process
def test_a_study_has_one_owner_whoever_else_comes_and_another_when_that_is_gone(
    here: Here,
) -> None:
    submit(here, trials=100_000)
    with working(here) as first:
        for second in (
            here("optimize", "small.yaml", "--allow-outside"),
            here("delete", "small", "--yes"),
        ):
            assert second.code == 5
            assert f"study 'small' is run by process {first.pid} on " in second.error
        one = status(here)["small"]
        assert (one["state"], one["run_by"]) == ("open", f"{platform.node()} ({first.pid})")
        with here.start("worker") as waiting:
            first.kill()
            first.wait()
            left = n_trials(here)
            while n_trials(here) == left:
                assert waiting.poll() is None
                time.sleep(0.01)
            assert str(status(here)["small"]["run_by"]).endswith(f"({waiting.pid})")
            assert "is cancelled; its trials are kept" in here("cancel", "small").stdout
            assert waiting.wait() == 0
    one = status(here)["small"]
    assert (one["state"], one["run_by"], one["n_trials"]) == ("cancelled", None, n_trials(here))
    assert here("delete", "small", "--yes").code == 0


@pytest.mark.process
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_writes_what_has_run(
    sign: signal.Signals, here: Here
) -> None:
    submit(here, trials=100_000)
    with working(here, "--forever") as process:
        process.send_signal(sign)
        assert process.wait() == 130
    one = status(here)["small"]
    assert (one["state"], one["run_by"]) == ("open", None)
    assert one["n_trials"] == n_trials(here) > 0
    submit(here, "--max-experiments", "1")
    assert here("worker").code == 0


def test_a_verb_that_looks_makes_no_database(here: Here) -> None:
    for arguments in (("status",), ("cancel", "x"), ("delete", "x"), ("worker",)):
        assert "holds no studies" in here(*arguments).error
    assert here.files() == []


@pytest.mark.parametrize("name", ["[/]", "[bold]x", "ünï", "a" * 100])
def test_any_name_of_a_study_can_be_shown(name: str, here: Here) -> None:
    url = f"sqlite:///{here.folder / DATABASE}"
    optuna.create_study(storage=url, study_name=name)
    optuna.create_study(storage=url, study_name="of another program", directions=["minimize"] * 2)
    optuna.load_study(study_name="of another program", storage=url).add_trial(
        optuna.trial.create_trial(values=[1.0, 2.0])
    )
    shown = here("status", COLUMNS="300")
    assert shown.code == 0, shown.stderr
    assert name in shown.stdout
    assert "not submitted" in shown.stdout
    other = status(here)["of another program"]
    assert (other["n_trials"], other["best"], other["budget"]) == (1, None, None)


@pytest.mark.parametrize("verb", ["submit", "optimize"])
def test_data_that_cannot_be_used_leave_no_study(verb: str, here: Here) -> None:
    here.write("small.yaml", STUDY.format(name="small", data="none", trials=4, more=""))
    assert "none" in here(verb, "small.yaml").error
    assert here("status", "--json").document == {"studies": []}


@pytest.mark.parametrize("verb", ["submit", "optimize"])
def test_a_path_out_of_the_project_has_to_be_allowed(verb: str, here: Here) -> None:
    refused = here(verb, study_file(here))
    assert f"small.yaml: data.training_dir: {here.data} leads out of the project" in refused.error
    assert "--allow-outside" in refused.error
    assert here.files() == ["small.yaml"]


def test_options_beat_the_study_file(here: Here) -> None:
    file = study_file(here)
    options = ("--max-experiments", "3", "--strategy", "qmc", "--study-name", "other")
    found = here("optimize", file, "--allow-outside", *options, "--json").document
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
def test_help_says_what_a_verb_does(verb: str, here: Here) -> None:
    ran = here(verb, "--help")
    assert ran.code == 0
    assert "--storage" in ran.stdout
