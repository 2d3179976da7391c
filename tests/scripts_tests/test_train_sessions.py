from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts_tests.conftest import Cli

OF_ITS_OWN = {"session_id", "total_processing_time_s", "cases_per_s", "log"}
FEW = ("--limit", "300", "--chunk-size", "10", "--max-workers", "1")
SMALL_BLOCKS = ("--checkpoint-interval", "20", "--memory-cleanup-interval", "50")


def metrics_of(cli: Cli, *options: str, **environment: str) -> dict[str, Any]:
    found = cli("train", "--json", *options, **environment).document
    return {key: value for key, value in found.items() if key not in OF_ITS_OWN}


def results_of(cli: Cli, session_id: int) -> list[tuple[Any, ...]]:
    rows = cli.sql(f"SELECT * FROM training_results WHERE session_id = {session_id}")  # noqa: S608
    return [row[1:] for row in rows]


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_block_in_hand_and_the_same_command_goes_on(
    number: signal.Signals, cli: Cli, tmp_path: Path
) -> None:
    cache = {"RADTUNE_CACHE": str(tmp_path / "cache")}
    options = (*FEW, *SMALL_BLOCKS, "--dataset-dir", str(cli.data))
    undisturbed = metrics_of(cli, *options, RADTUNE_CACHE=str(tmp_path / "other"))
    with cli.start("train", *options, output=subprocess.PIPE, **cache) as stopped:
        assert stopped.stderr
        lines = iter(stopped.stderr.readline, "")
        next(line for line in lines if line.startswith("facts of"))
        stopped.send_signal(number)
        said = list(lines)
    assert stopped.returncode == 130
    assert "stopping after the current block; press Ctrl-C again to stop at once\n" in said
    told = r"session 2 is interrupted at (\d+) of 300 cases; the same command goes on from there"
    (line,) = [line for line in said if line.startswith("session 2")]
    found = re.fullmatch(told, line.strip())
    assert found
    n_done = int(found[1])
    assert n_done % 20 == 0
    ((status, processed),) = cli.sql(
        "SELECT status, processed_cases FROM training_sessions WHERE id = 2"
    )
    assert (status, processed) == ("interrupted", n_done)
    resumed = cli("train", "--json", *options, **cache)
    assert f"session 2 (default) was interrupted at {n_done} of 300 cases" in resumed.stderr
    document = resumed.document
    assert document["session_id"] == 2
    assert {k: v for k, v in document.items() if k not in OF_ITS_OWN} == undisturbed
    assert results_of(cli, 1) == results_of(cli, 2)
    assert len(results_of(cli, 2)) == 300
    again = cli("train", "--json", *options, **cache)
    assert again.document["session_id"] == 3
    assert "session" not in again.stderr


def test_what_is_finished_is_read_back_not_computed_again(cli: Cli) -> None:
    """A result that was changed in the database reaches the metrics of the resumed session."""
    options = (*FEW, "--dataset-dir", str(cli.data))
    assert metrics_of(cli, *options)["average_confidence"] > 0.5
    cli.sql("UPDATE training_results SET confidence = 0.25")
    cli.sql("UPDATE training_sessions SET status = 'interrupted'")
    cli.sql("DELETE FROM model_performance")
    assert metrics_of(cli, *options)["average_confidence"] == 0.25


@pytest.mark.parametrize(
    ("options", "n_sessions"),
    [
        ((), 1),
        (("--chunk-size", "7", "--max-workers", "2", "--checkpoint-interval", "11"), 1),
        (("--no-resume",), 2),
        (("--experiment-name", "other"), 2),
        (("--limit", "10"), 2),
        (("--validation-split", "0.5"), 2),
    ],
)
def test_what_makes_it_another_session(
    options: tuple[str, ...], n_sessions: int, cli: Cli
) -> None:
    data = ("--dataset-dir", str(cli.data))
    cli("train", *FEW, *data)
    cli.sql("UPDATE training_sessions SET status = 'running'")
    cli.sql("DELETE FROM model_performance")
    ran = cli("train", "--json", *FEW, *data, *options)
    assert ran.document["session_id"] == n_sessions
    assert ("ended without a word at 300 of 300 cases" in ran.stderr) == (n_sessions == 1)
    assert len(cli.sql("SELECT * FROM training_sessions")) == n_sessions
    ((status,),) = cli.sql("SELECT DISTINCT status FROM training_sessions WHERE id > 1") or [
        ("completed",)
    ]
    assert status == "completed"
    if "10" in options:
        assert "the data changed since session 1 (default)" in ran.stderr


def test_the_settings_of_the_configuration_count_and_options_come_first(cli: Cli) -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    for key, value in (
        ("checkpoint_interval: 2500", "checkpoint_interval: 120"),
        ("memory_cleanup_interval: 5000", "memory_cleanup_interval: 100"),
        ("validation_split: 0.1", "validation_split: 0.0"),
        ("resume_from_checkpoint: true", "resume_from_checkpoint: false"),
        ("log_dir: logs/training", "log_dir: mine/logs"),
    ):
        assert key in text
        text = text.replace(key, value)
    cli.write("own.yaml", text)
    run = ("train", "--config", "own.yaml", *FEW, "--dataset-dir", str(cli.data))
    cli(*run)
    (log,) = (cli.folder / "mine" / "logs").glob("training_*.log")
    lines = log.read_text(encoding="utf-8").splitlines()
    checkpoints = [re.search(r"checkpoint: (\d+) of 300", line) for line in lines]
    assert [found[1] for found in checkpoints if found] == ["120", "240", "300"]
    cleanups = [re.search(r"memory given back after (\d+) cases", line) for line in lines]
    assert [found[1] for found in cleanups if found] == ["100", "200", "300"]
    assert not any("Validation sites" in line for line in lines)
    written = "SELECT processed_cases FROM training_checkpoints WHERE session_id = "
    assert cli.sql(f"{written} 1") == [(120,), (240,), (300,)]
    cli.sql("UPDATE training_sessions SET status = 'running'")
    cli(*run, "--checkpoint-interval", "200")
    assert cli.sql(f"{written} 2") == [(200,), (300,)]
    assert cli.sql("SELECT id, status FROM training_sessions") == [
        (1, "interrupted"),
        (2, "completed"),
    ]


def test_whole_sites_are_set_apart_and_measured(cli: Cli) -> None:
    ran = cli("train", "--dataset-dir", str(cli.data), "--validation-split", "0.3")
    lines = {line.split(":")[0]: line for line in ran.stdout.splitlines()}
    rows = cli.sql("SELECT site, part, n_answerable FROM model_performance")
    by_part = {
        part: [(site, n) for site, p, n in rows if p == part]
        for part in ("training", "validation", "unlabelled")
    }
    assert {part: len(found) for part, found in by_part.items()} == {
        "training": 5,
        "validation": 2,
        "unlabelled": 2,
    }
    for part in ("training", "validation"):
        line = lines[f"{part.capitalize()} sites"]
        assert f"({', '.join(site for site, _ in by_part[part])})" in line
        assert f" of {sum(n for _, n in by_part[part]):,}, decision accuracy" in line
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    key = "seed: 42 # of the choice of those sites"
    assert key in text
    cli.write("own.yaml", text.replace(key, "seed: 1"))
    options = ("--config", "own.yaml", "--dataset-dir", str(cli.data), "--validation-split", "0.3")
    chosen = cli("train", "--json", *options).document["validation_sites"]
    assert len(chosen) == 2
    assert set(chosen) != {site for site, _ in by_part["validation"]}


@pytest.mark.parametrize("as_json", [False, True])
def test_the_log_has_a_line_a_checkpoint_and_the_final_block(as_json: bool, cli: Cli) -> None:
    options = ("--log-json",) if as_json else ()
    ran = cli("train", *FEW, *SMALL_BLOCKS, *options, "--dataset-dir", str(cli.data))
    (log,) = (cli.folder / "logs" / "training").iterdir()
    assert re.fullmatch(r"training_\d{8}_\d{6}\.log", log.name)
    assert f"Log: logs/training/{log.name}" in ran.stdout
    lines = log.read_text(encoding="utf-8").splitlines()
    if as_json:
        documents = [json.loads(line) for line in lines]
        done = [entry["processed_cases"] for entry in documents if "processed_cases" in entry]
        assert done == list(range(20, 301, 20))
        lines = [f"{entry['time']} {entry['level']} {entry['message']}" for entry in documents]
    assert sum("checkpoint: " in line for line in lines) == 15
    messages = [line.split(" INFO ")[1] for line in lines]
    assert ran.stdout.splitlines()[:-1] == messages[messages.index(ran.stdout.splitlines()[0]) :]


def test_two_runs_of_one_second_have_a_log_each(cli: Cli) -> None:
    for _ in range(3):
        cli("train", *FEW, "--dataset-dir", str(cli.data), "--log-dir", "own")
    assert len(list((cli.folder / "own").iterdir())) == 3


def test_a_log_that_cannot_be_written_is_one_line(cli: Cli) -> None:
    cli.write("own", "a file")
    error = cli("train", *FEW, "--dataset-dir", str(cli.data), "--log-dir", "own").error
    assert "the log cannot be written" in error
