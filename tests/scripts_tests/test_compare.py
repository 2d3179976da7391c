from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from studies.compare import Change
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli


def configuration(cli: Cli, name: str, **changes: Any) -> str:
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return cli.write(name, yaml.safe_dump({**document, **changes}))


def test_the_same_configuration_changes_nothing(cli: Cli) -> None:
    one, other = configuration(cli, "a.yaml"), configuration(cli, "b.yaml")
    found = cli("compare", one, other, "--dataset-dir", str(cli.data), "--json").document
    assert found["changed"] == []
    assert found["left_out"] == ["EASTWOLD", "MERIDIAN IMAGING"]
    assert found["held_out"]["sites"] == ["FENMOUTH CDC", "WESTMARCH"]
    assert len(found["in_sample"]["sites"]) == 5
    for part in (found["held_out"], found["in_sample"]):
        assert part["accuracy_at_1"]["difference"] == 0.0
        assert part["p_value"] == 1.0


def test_changed_cases_are_listed_the_dangerous_first_and_add_up(cli: Cli) -> None:
    one = configuration(cli, "a.yaml")
    shares = {
        "anatomy": 0.1,
        "modality": 0.1,
        "laterality": 0.0,
        "contrast": 0.0,
        "technique": 0.8,
    }
    other = configuration(cli, "b.yaml", weights_component=shares)
    options = ("--dataset-dir", str(cli.data), "--output", "changed.csv")
    found = cli("compare", one, other, *options, "--json").document
    with (cli.folder / "changed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["exam_name"] for row in rows] == [case["exam_name"] for case in found["changed"]]
    order = [str(change) for change in Change]
    places = [order.index(row["change"]) for row in rows]
    assert places == sorted(places)
    for row in rows:
        is_right = row["answer_b"] == row["gold"]
        assert is_right or row["change"] != "fixed"
        assert row["critical_b"] or row["change"] not in {order[0], "newly critical"}
        assert row["answer_a"] == row["gold"] or row["change"] != "broken"
    for part in (found["held_out"], found["in_sample"]):
        here = [row for row in rows if row["site"] in part["sites"] and row["gold"]]
        gained = sum(row["answer_b"] == row["gold"] != row["answer_a"] for row in here)
        lost = sum(row["answer_a"] == row["gold"] != row["answer_b"] for row in here)
        difference = part["accuracy_at_1"]["difference"]
        assert difference == pytest.approx((gained - lost) / part["n_answerable"])
        low, high = part["accuracy_at_1"]["interval"].values()
        assert low <= difference <= high
    assert any("technique" in row["decided_by"] for row in rows)
    printed = cli("compare", one, other, *options).stdout
    assert "accuracy@1: 0." in printed
    assert "Tuning sites (in-sample)" in printed
    assert "newly critical: " in printed


def test_answers_that_are_newly_accepted_and_wrong_come_first(cli: Cli) -> None:
    """Nothing differs but the threshold: no ranking changes, what is accepted does."""
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    one = configuration(cli, "a.yaml")
    other = configuration(
        cli, "b.yaml", calibration={**document["calibration"], "accept_threshold": 0.0}
    )
    found = cli("compare", one, other, "--dataset-dir", str(cli.data), "--json").document
    assert found["held_out"]["accuracy_at_1"]["difference"] == 0.0
    changes = {case["change"] for case in found["changed"]}
    assert changes <= {"newly accepted critical", "newly accepted wrong"}
    overall = [found[part]["decisions_b"]["overall"] for part in ("held_out", "in_sample")]
    before = [found[part]["decisions_a"]["overall"] for part in ("held_out", "in_sample")]
    n_before, n_after = (
        sum(part["n_wrong_accepted"] for part in parts) for parts in (before, overall)
    )
    assert len(found["changed"]) == n_after - n_before > 0
    for case in found["changed"]:
        assert case["status_b"] == "MATCH"
        assert case["answer_b"] != case["gold"]


def test_configurations_of_different_catalogues_are_refused(cli: Cli) -> None:
    rows = json.loads((ROOT / "data/reference/NHS.json").read_text(encoding="utf-8"))
    data = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["data"]
    path = cli.write("rows.json", rows[:-1])
    one = configuration(cli, "a.yaml")
    other = configuration(cli, "b.yaml", data={**data, "catalogue": path})
    refused = cli("compare", one, other, "--dataset-dir", str(cli.data)).error
    assert "different catalogues" in refused


def test_a_mistake_is_one_line(cli: Cli) -> None:
    one = configuration(cli, "a.yaml")
    assert "none.yaml: no such file" in cli("compare", one, "none.yaml").error
    only_test = next(path for path in cli.data.glob("*_v7.json"))
    assert "--dataset" in cli("compare", one, one, "--dataset", str(only_test)).error
