from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from objectives.lines.line import DIRECTION_NAMES
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli, Ran


def weights(cli: Cli, *options: str) -> Ran:
    return cli("weights", "--dataset-dir", str(cli.data), *options)


def test_every_weight_has_a_row_and_a_sentence(cli: Cli) -> None:
    ran = weights(cli)
    assert ran.code == 0, ran.stderr
    assert ran.stdout.startswith("Configuration: config.yaml (there is no optimized_config.yaml)")
    for name in DIRECTION_NAMES:
        assert len(re.findall(rf"^ {name} ", ran.stdout, re.MULTILINE)) == 1
        assert len(re.findall(rf"^{name} -?[\d.]+: .+\.$", ran.stdout, re.MULTILINE)) == 1
    assert ran.stdout.splitlines()[-1].startswith("Without effect: ")
    assert "PED-ANOVA" not in ran.stdout
    assert cli.files() == []


def test_json_agrees_with_the_configuration_and_asks_the_study(cli: Cli) -> None:
    options = ("--strategy", "random_search", "--max-experiments", "15", "--pruner", "none")
    cli("optimize", "--dataset-dir", str(cli.data), "--study-name", "mine", *options)
    found = weights(
        cli, "--json", "--study-name", "mine", "--config", str(ROOT / "config.yaml")
    ).document
    assert found["study"] == {"study_name": "mine", "n_complete": 15}
    assert [entry["name"] for entry in found["weights"]] == [
        entry["name"] for entry in sorted(found["weights"], key=lambda e: -e["lost_without"])
    ]
    by_name = {entry["name"]: entry for entry in found["weights"]}
    assert by_name["component_weight"]["ped_anova"] is None
    for evaluator in ("ped_anova", "fanova"):
        shares = [entry[evaluator] for entry in by_name.values() if entry[evaluator] is not None]
        assert len(shares) == len(DIRECTION_NAMES) - 1
        assert abs(sum(shares) - 1) < 1e-9
    current = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert by_name["exact_match_bonus"]["value"] == current["exact_match_bonus"]
    for entry in by_name.values():
        spans = [entry[key] for key in ("reach", "within_noise", "equal")]
        lows, highs = [span["low"] for span in spans], [span["high"] for span in spans]
        assert lows == sorted(lows)
        assert highs == sorted(highs, reverse=True)
        assert lows[-1] <= entry["value"] <= highs[-1]
    idle = [name for name, entry in by_name.items() if not entry["has_effect"]]
    assert sorted(found["without_effect"]) == sorted(idle)


def test_a_study_that_is_not_there_is_named(cli: Cli) -> None:
    ran = weights(cli, "--study-name", "nowhere")
    assert "no study 'nowhere'; there are: none" in ran.error
    assert cli.files() == []
