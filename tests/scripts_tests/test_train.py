from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts_tests.conftest import Cli

KEYS = {
    "session_id", "experiment_name", "total_cases", "processed_cases", "held_back",
    "answerable_cases", "correct", "accuracy_at_1", "recall_at_k", "decision_accuracy",
    "successful_matches", "success_rate", "average_confidence", "critical_errors", "errors",
    "error_rate", "total_processing_time_s", "cases_per_s",
}  # fmt: skip
EVERY_HUNDRED = ("--checkpoint-interval", "100", "--memory-cleanup-interval", "70")
EVERY_FEW = ("--checkpoint-interval", "9", "--memory-cleanup-interval", "1000")
TEST_SITES = {"EASTWOLD", "MERIDIAN IMAGING"}
TIMES = {"session_id", "total_processing_time_s", "cases_per_s", "log"}


def test_all_shipped_cases_are_answered_well_with_the_starting_weights(cli: Cli) -> None:
    found = cli("train", "--json").document
    assert found.keys() >= KEYS
    assert found["total_cases"] >= 15_000
    assert found["held_back"].keys() == TEST_SITES
    assert found["processed_cases"] == found["total_cases"]
    n_labelled = found["total_cases"] - sum(found["held_back"].values())
    assert found["labelled_cases"] == found["decisions"]["overall"]["n_cases"] == n_labelled
    assert not TEST_SITES & found["site_accuracies"].keys()
    assert not TEST_SITES & found["decisions"]["by_site"].keys()
    assert found["accuracy_at_1"] >= 0.85
    assert found["errors"] == 0
    assert found["correct"] == round(found["accuracy_at_1"] * found["answerable_cases"])


def test_the_bank_says_how_far_it_is_only_while_it_is_built(cli: Cli, tmp_path: Path) -> None:
    options = ("--limit", "100", "--chunk-size", "10")
    built, opened = (cli("train", *options, RADTUNE_CACHE=str(tmp_path)) for _ in range(2))
    lines = [line for line in built.stderr.splitlines() if line.startswith("facts of ")]
    assert len(lines) == 10
    assert lines[-1] == "facts of 100/100 cases"
    assert "facts of" not in opened.stderr
    assert "facts of" not in built.stdout


def test_hardly_a_name_without_a_right_row_is_accepted(cli: Cli) -> None:
    decisions = cli("train", "--json").document["decisions"]
    assert decisions["overall"]["unanswerable_not_accepted"] >= 0.95
    assert decisions["by_modality"]["no right row"]["n_answerable"] == 0
    n_cases = [part["n_cases"] for part in decisions["by_site"].values()]
    assert sum(n_cases) == decisions["overall"]["n_cases"]
    kinds = {"side", "modality", "contrast", "interventional", "pregnancy", "age", "sex"}
    for part in (*decisions["by_site"].values(), *decisions["by_modality"].values()):
        assert part["critical"]["by_kind"].keys() == kinds
        assert part["critical_accepted"]["n_cases"] <= part["critical"]["n_cases"]
    coverage = [point["coverage"] for point in decisions["risk_coverage"]]
    assert coverage == sorted(coverage)


@pytest.mark.process
def test_results_do_not_depend_on_chunks_or_workers(process_cli: Cli) -> None:
    runs = [
        process_cli(
            *("train", "--json", "--dataset-dir", str(process_cli.data), *options),
            RADTUNE_CACHE=cache,
        )
        for options, cache in (
            ((), "cache1"),
            (("--chunk-size", "37", "--max-workers", "1", *EVERY_HUNDRED), "cache2"),
            (("--chunk-size", "5000", "--max-workers", "8", *EVERY_FEW), "cache3"),
        )
    ]
    first, *others = ({k: v for k, v in r.document.items() if k not in TIMES} for r in runs)
    assert others == [first, first]


def test_the_block_that_users_know_is_printed(cli: Cli) -> None:
    ran = cli("train", "--dataset-dir", str(cli.data), "--experiment-name", "baseline_test")
    assert ran.code == 0
    for line in (
        "TRAINING COMPLETED SUCCESSFULLY",
        "Total cases processed: 1,350",
        "Held back: the right answers of 300 cases of the test sites EASTWOLD, MERIDIAN IMAGING ",
        "Accuracy@1: ",
        "Critical errors: ",
        "Successful matches: ",
        "Success rate: ",
        "Average confidence: ",
        "Total processing time: ",
        "Processing speed: ",
        "Errors encountered: 0",
    ):
        assert line in ran.stdout
    assert "configuration: config.yaml" in ran.stderr
    (row,) = cli.sql("SELECT experiment_name, total_cases FROM training_sessions")
    assert row == ("baseline_test", 1350)


def test_a_bad_record_is_reported_with_its_position_and_the_rest_runs(cli: Cli) -> None:
    (*_, path) = sorted(cli.data.glob("*.json"))
    records = json.loads(path.read_text())[:20]
    records.insert(7, {"EXAM_CODE": "X"})
    ran = cli("train", "--json", "--dataset", cli.write("some.json", records))
    assert ran.document["total_cases"] == 21
    assert ran.document["processed_cases"] == 20
    assert ran.document["errors"] == 1
    assert "some.json: record 8: the key EXAM_NAME is missing" in ran.stderr


def test_files_without_gold_are_mapped_but_not_scored(cli: Cli) -> None:
    (path, *_) = sorted(cli.data.glob("*.json"))
    records = [
        {key.lower(): value for key, value in record.items() if key != "EXPECTED_NAME"}
        for record in json.loads(path.read_text())[:30]
    ]
    dataset = cli.write("unlabelled.json", records)
    found = cli("train", "--json", "--dataset", dataset).document
    assert found["accuracy_at_1"] is None
    assert found["answerable_cases"] == 0
    assert found["success_rate"] > 0
    assert "accuracy cannot be measured" in cli("train", "--dataset", dataset).stdout
    assert "no case with a gold row" in cli("optimize", "--dataset", dataset).error


def test_a_file_of_a_test_site_runs_as_one_without_gold_and_says_why(cli: Cli) -> None:
    path = next(path for path in cli.data.glob("*_v10.json"))
    records = json.loads(path.read_text())
    bare = [{k: v for k, v in record.items() if k != "EXPECTED_NAME"} for record in records]
    closed, unlabelled = (
        cli("train", "--json", "--dataset", dataset).document
        for dataset in (str(path), cli.write("bare.json", bare))
    )
    assert closed.pop("held_back") == {"MERIDIAN IMAGING": 150}
    assert unlabelled.pop("held_back") == {}
    for found in (closed, unlabelled):
        for name in TIMES:
            del found[name]
    assert closed == unlabelled
    shown = cli("train", "--dataset", str(path)).stdout
    assert "Total cases processed: 150\n" in shown
    assert "the right answers of 150 cases of the test site MERIDIAN IMAGING (opened by " in shown
    assert "No case has a gold row that is not held back: accuracy cannot be measured" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--chunk-size", "0"), "chunk_size must be at least 1"),
        (("--max-workers", "-1"), "max_workers must be at least 1"),
        (("--limit", "0"), "limit must be at least 1"),
        (("--checkpoint-interval", "0"), "checkpoint_interval must be at least 1"),
        (("--memory-cleanup-interval", "0"), "memory_cleanup_interval must be at least 1"),
        (("--validation-split", "1"), "validation_split must be in [0, 1), got 1.0"),
        (("--limit", "x"), "--limit"),
        (("--no-such-option",), "--no-such-option"),
        (("--config", "none.yaml"), "none.yaml: no such file"),
        (("--config", "."), "is a directory"),
        (("--dataset", "none.json"), "none.json: no such file"),
        (("--dataset", "."), ".: is a directory"),
        (("--dataset-dir", "none"), "none: no such folder"),
    ],
)
def test_a_mistake_is_one_line(options: tuple[str, ...], said: str, cli: Cli) -> None:
    assert said in cli("train", *options).error
    assert cli.files() in ([], ["training_sessions.db"])


def test_a_foreign_session_database_is_refused(cli: Cli) -> None:
    cli.sql("create table patients (id integer)")
    assert "holds other tables (patients)" in cli("train", "--limit", "5").error


def test_studies_and_sessions_are_not_mixed_up(cli: Cli) -> None:
    assert cli("train", "--limit", "5", "--json").code == 0
    refused = cli("optimize", "--storage", "sqlite:///training_sessions.db").error
    assert "training_sessions.db: holds training sessions, not studies; give another" in refused
    assert (
        "holds training sessions"
        in cli("status", OPTUNA_STORAGE="sqlite:///training_sessions.db").error
    )
