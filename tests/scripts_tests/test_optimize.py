from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import yaml

from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli, Ran

KEYS = {
    "study_name", "strategy", "pruner", "n_cases_scored", "n_cases_in_full", "seed", "n_trials",
    "n_complete", "n_pruned", "n_failed", "n_infeasible", "ceiling", "baseline_value",
    "random_median_value", "best_value", "best_params", "held_out", "gate", "decision", "output",
    "elapsed_s",
}  # fmt: skip
HELD_OUT_KEYS = {
    "sites", "n_cases", "baseline_accuracy_at_1", "optimized_accuracy_at_1",
    "critical_errors_baseline", "critical_errors_optimized", "difference", "ci95", "corrected",
    "n_clusters", "rises",
}  # fmt: skip
CODES = {"exported": 0, "no_credible_gain": 3, "more_critical_errors": 4}


def optimize(cli: Cli, *options: str) -> Ran:
    return cli("optimize", "--dataset-dir", str(cli.data), *options)


def poor_configuration(cli: Cli) -> str:
    """A configuration that anything beats: it looks at nothing but technique."""
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    document["weights_component"] = dict.fromkeys(document["weights_component"], 0.0)
    document["weights_component"]["technique"] = 1.0
    document["weights_final"] = {"component": 0.95, "semantic": 0.0, "frequency": 0.05}
    document["exact_match_bonus"] = document["synonym_match_bonus"] = 0.0
    return cli.write("config.yaml", yaml.safe_dump(document))


def read_export(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_json_has_what_is_promised_and_the_exit_code_says_the_decision(cli: Cli) -> None:
    ran = optimize(cli, "--json", "--max-experiments", "12", "--seed", "3")
    found = ran.document
    assert found.keys() >= KEYS
    assert found["held_out"].keys() >= HELD_OUT_KEYS
    assert ran.code == CODES[found["decision"]]
    assert (found["output"] is not None) == (found["decision"] == "exported")
    assert found["n_trials"] == 12 == found["n_complete"] + found["n_pruned"] + found["n_failed"]
    assert found["best_value"] >= found["baseline_value"]
    assert found["ceiling"] >= found["best_value"]
    assert len(found["best_params"]) == 15
    assert found["strategy"] == "auto"
    assert not any(site in ran.stdout for site in ("EASTWOLD", "MERIDIAN IMAGING"))
    assert found["gate"].keys() == {"tried", "won", "gain", "critical", "decision"}
    study = optuna.load_study(
        study_name=found["study_name"],
        storage=f"sqlite:///{cli.folder / 'optimization_results.db'}",
    )
    (look,) = study.user_attrs["gate_looks"]
    assert look["difference"] == found["held_out"]["difference"]
    assert look["verdict"] == found["decision"]


def test_a_study_goes_on_and_a_finished_one_says_so(cli: Cli) -> None:
    optimize(cli, "--max-experiments", "6", "--strategy", "random_search")
    more = optimize(cli, "--json", "--max-experiments", "9", "--strategy", "random_search")
    assert "goes on: 6 of 9 trials are there" in more.stderr
    assert more.document["n_trials"] == 9
    again = optimize(cli, "--json", "--max-experiments", "9", "--strategy", "random_search")
    assert "is finished: it has 9 trials" in again.stderr
    assert again.document["n_trials"] == 9
    assert again.document["best_params"] == more.document["best_params"]


def test_the_same_seed_gives_the_same_export_but_for_its_time(
    cli: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exports = []
    for n_first in ("8", "3"):
        cli.folder = tmp_path_factory.mktemp("run")
        config = poor_configuration(cli)
        optimize(cli, "--config", config, "--max-experiments", n_first)
        ran = optimize(cli, "--config", config, "--max-experiments", "8", "--json")
        assert ran.code == 0, ran.stderr
        exported = read_export(cli.folder / "optimized_config.yaml")
        assert exported["provenance"].pop("exported_at")
        exports.append(exported)
    assert exports[0] == exports[1]


def test_an_export_is_a_complete_configuration_that_train_prefers(cli: Cli) -> None:
    config = poor_configuration(cli)
    ran = optimize(cli, "--config", config, "--max-experiments", "8", "--json")
    assert ran.code == 0
    found = ran.document
    exported = read_export(cli.folder / "optimized_config.yaml")
    assert exported["weights_component"]["anatomy"] == found["best_params"]["anatomy_weight"]
    provenance = exported["provenance"]
    assert provenance["study"] == found["study_name"]
    assert provenance["metrics"]["value"]["before"] == found["baseline_value"]
    assert provenance["data"]["cases"].keys() == {path.name for path in cli.data.glob("*.json")}

    trained = cli("train", "--json", "--dataset-dir", str(cli.data)).document
    assert trained["config"] == "optimized_config.yaml"
    other = cli("train", "--json", "--limit", "50").document
    assert other["config"] == "config.yaml"
    assert "is new or has changed" in other["config_reason"]

    (cli.folder / "config.yaml").write_bytes((cli.folder / "optimized_config.yaml").read_bytes())
    refused = optimize(cli, "--max-experiments", "9").error
    assert "the configuration changed" in refused
    assert "--study-name" in refused
    assert cli("lookup", "CT Head", "--json").document["preferred_name"] == "CT Head"


def test_an_older_export_does_not_stay_in_force_after_a_refusal(cli: Cli) -> None:
    poor = poor_configuration(cli)
    assert optimize(cli, "--config", poor, "--max-experiments", "8").code == 0
    older = (cli.folder / "optimized_config.yaml").read_bytes()
    one_trial = ("--max-experiments", "1", "--study-name", "other", "--json")
    ran = optimize(cli, "--config", poor, *one_trial)
    assert ran.code == 3
    assert ran.document["output"] is None
    assert "optimized_config.superseded.yaml" in ran.stderr
    assert not (cli.folder / "optimized_config.yaml").exists()
    assert (cli.folder / "optimized_config.superseded.yaml").read_bytes() == older


def test_the_block_that_users_know_is_printed(cli: Cli) -> None:
    ran = optimize(cli, "--max-experiments", "4", "--strategy", "random_search")
    for line in (
        "OPTIMIZATION COMPLETED SUCCESSFULLY",
        "Best validation score: 0.",
        "Accuracy@1 of the tuning sites: 0.",
        "Experiments run: 4",
        "with more critical errors of some kind than the current weights",
        "Strategy used: random_search",
        "Cases scored by trials: ",
        " (pruner bound)",
        "Best parameters:",
        "  anatomy_weight: 0.",
        "  critical errors: ",
        "Tried: 4 trials (current weights, 3 of random_search); won: ",
        "Gain at the gate: ",
        "Critical errors there: ",
        "Decision: ",
    ):
        assert line in ran.stdout


def test_the_share_of_cases_scored_is_told_by_pruner(cli: Cli) -> None:
    options = ("--max-experiments", "60", "--strategy", "random_search")
    found = {
        pruner: optimize(
            cli, *options, "--pruner", pruner, "--study-name", pruner, "--json"
        ).document
        for pruner in ("none", "bound")
    }
    none, bound = found["none"], found["bound"]
    assert (none["pruner"], bound["pruner"]) == ("none", "bound")
    assert none["n_cases_scored"] == none["n_cases_in_full"] == bound["n_cases_in_full"]
    assert bound["n_cases_scored"] < bound["n_cases_in_full"]
    assert bound["n_pruned"] > 0 == none["n_pruned"]
    for name in ("best_trial", "best_value", "best_params", "held_out"):
        assert bound[name] == none[name]


def test_changed_data_and_changed_strategy_are_refused_with_the_reason(cli: Cli) -> None:
    options = ("--max-experiments", "3", "--study-name", "s")
    optimize(cli, *options)
    assert (
        "the strategy was auto, now random_search"
        in optimize(cli, *options, "--strategy", "random_search").error
    )
    assert "the pruner was bound, now none" in optimize(cli, *options, "--pruner", "none").error
    assert "the seed was 42, now 7" in optimize(cli, *options, "--seed", "7").error
    changed = cli.folder / "changed"
    changed.mkdir()
    for path in cli.data.glob("*.json"):
        records = json.loads(path.read_text())
        if path.name.endswith("_v3.json"):
            records.pop()
        (changed / path.name).write_text(json.dumps(records))
    refused = cli("optimize", "--dataset-dir", str(changed), *options).error
    assert "the training files changed (radiology_codes_cleaned_v3.json)" in refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-experiments", "0"), "max_experiments: "),
        (("--max-experiments", "-5"), "max_experiments: "),
        (("--timeout", "-1"), "timeout: "),
        (("--patience", "0"), "patience: "),
        (("--early-stopping-threshold", "1.5"), "early_stopping_threshold: "),
        (("--seed", "-1"), "seed: "),
        (
            ("--strategy", "magic"),
            f"strategy: 'magic' is unknown; there are {', '.join(STRATEGIES)}",
        ),
        (
            ("--pruner", "magic"),
            f"pruner: 'magic' is unknown; there are {', '.join(PRUNERS)}",
        ),
        (("--storage", "notes.db"), "no storage URL"),
        (("--storage", "sqlite:///none/x.db"), "there is no folder"),
        (("--output", "."), "is a directory"),
        (("--output", "notes.yaml"), "is no exported configuration"),
        (("--config", "notes.yaml"), "notes.yaml: "),
    ],
)
def test_a_mistake_is_one_line_and_overwrites_nothing(
    options: tuple[str, ...], said: str, cli: Cli
) -> None:
    cli.write("notes.yaml", "mine: 1\n")
    assert said in optimize(cli, *options).error
    assert (cli.folder / "notes.yaml").read_text() == "mine: 1\n"
    assert set(cli.files()) <= {"notes.yaml", "optimization_results.db"}


def test_the_storage_may_come_from_the_environment(cli: Cli) -> None:
    arguments = ("optimize", "--dataset-dir", str(cli.data), "--max-experiments", "2")
    cli(*arguments, OPTUNA_STORAGE="sqlite:///elsewhere.db")
    assert "elsewhere.db" in cli.files()
    assert len(cli.sql("select state from trials", "elsewhere.db")) == 2
