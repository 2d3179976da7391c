from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
import yaml

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
    assert found["accuracy_at_1"]["difference"] == 0.0
    assert found["p_value"] == 1.0
    assert found["left_out"] == ["EASTWOLD", "MERIDIAN IMAGING"]
    assert set(found["sites"]).isdisjoint(found["left_out"])


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
    order = ["newly critical", "broken", "no longer critical", "fixed"]
    places = [order.index(row["change"]) for row in rows]
    assert places == sorted(places)
    assert places[0] == 0
    for row in rows:
        is_right = row["answer_b"] == row["gold"]
        assert is_right or row["change"] != "fixed"
        assert bool(row["critical_b"]) or row["change"] != "newly critical"
        assert row["answer_a"] == row["gold"] or row["change"] != "broken"
    n_answerable = found["n_answerable"]
    gained = sum(row["answer_b"] == row["gold"] for row in rows)
    lost = sum(row["answer_a"] == row["gold"] for row in rows)
    difference = found["accuracy_at_1"]["difference"]
    assert difference == pytest.approx((gained - lost) / n_answerable)
    low, high = found["accuracy_at_1"]["interval"].values()
    assert low <= difference <= high
    assert any("technique" in row["decided_by"] for row in rows)
    printed = cli("compare", one, other, *options).stdout
    assert "accuracy@1: 0." in printed
    assert "newly critical: " in printed


def test_a_mistake_is_one_line(cli: Cli) -> None:
    one = configuration(cli, "a.yaml")
    assert "none.yaml: no such file" in cli("compare", one, "none.yaml").error
    only_test = next(path for path in cli.data.glob("*_v7.json"))
    assert "--dataset" in cli("compare", one, one, "--dataset", str(only_test)).error
