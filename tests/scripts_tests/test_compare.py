from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from studies.compare import Change, Verdict, change_between
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
    for part in (found["in_sample"], found["held_out"]):
        assert part["accuracy_at_1"]["difference"] == 0.0
        assert part["p_value"] == 1.0
        assert part["critical_accepted_a"] == part["critical_accepted_b"]
        assert set(part["sites"]).isdisjoint(found["left_out"])


def test_sites_that_either_was_tuned_on_stand_apart(cli: Cli) -> None:
    split = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["split"]
    wider = {**split, "tuning": [*split["tuning"], "WESTMARCH"], "gate": ["FENMOUTH CDC"]}
    one, other = configuration(cli, "a.yaml"), configuration(cli, "b.yaml", split=wider)
    options = ("--dataset-dir", str(cli.data))
    for pair in ((one, other), (other, one)):
        found = cli("compare", *pair, *options, "--json").document
        assert found["in_sample"]["sites"] == sorted([*split["tuning"], "WESTMARCH"])
        assert found["held_out"]["sites"] == ["FENMOUTH CDC"]
    printed = cli("compare", one, other, *options).stdout
    assert "was tuned on them): AXEBRIDGE" in printed
    assert "other sites: FENMOUTH CDC" in printed
    records = [{"DATA_SOURCE": "ELSEWHERE", "EXAM_NAME": "CT Head", "EXPECTED_NAME": "CT Head"}]
    elsewhere = ("--dataset", cli.write("elsewhere.json", records))
    found = cli("compare", one, one, *elsewhere, "--json").document
    assert found["in_sample"] is None
    assert found["held_out"]["n_cases"] == 1


def test_accepting_more_wrong_answers_is_listed(cli: Cli) -> None:
    calibration = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["calibration"]
    strict, lax = (
        configuration(cli, name, calibration={**calibration, "accept_threshold": threshold})
        for name, threshold in (("strict.yaml", None), ("lax.yaml", 0.0))
    )
    options = ("--dataset-dir", str(cli.data))
    found = cli("compare", strict, lax, *options, "--json").document
    changes = [case["change"] for case in found["changed"]]
    parts = [found["in_sample"], found["held_out"]]
    before, after = ([part[f"critical_accepted_{x}"] for part in parts] for x in "ab")
    assert [(part["n_accepted"], part["share"], part["upper_bound"]) for part in before] == [
        (0, 0.0, 1.0)
    ] * 2
    for part in after:
        assert part["share"] == part["n_cases"] / part["n_accepted"] < part["upper_bound"] < 1
    n_critical = sum(part["n_cases"] for part in after)
    n_wrong = sum(part["decisions_b"]["overall"]["n_wrong_accepted"] for part in parts)
    assert n_wrong > n_critical > 0
    assert changes == ["newly accepted critical"] * n_critical + ["newly accepted wrong"] * (
        n_wrong - n_critical
    )
    assert {case["decided_by"] for case in found["changed"]} == {"confidence"}
    assert {case["site"] for case in found["changed"]} & set(parts[0]["sites"])
    assert {case["site"] for case in found["changed"]} & set(parts[1]["sites"])
    assert cli("compare", lax, strict, *options, "--json").document["changed"] == []


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
    order = list(Change)
    places = [order.index(Change(row["change"])) for row in rows]
    assert places == sorted(places)
    assert Change.NEWLY_CRITICAL in {row["change"] for row in rows}
    for row in rows:
        is_right = row["answer_b"] == row["gold"]
        assert is_right or row["change"] != "fixed"
        assert bool(row["critical_b"]) or row["change"] != "newly critical"
        assert row["answer_a"] == row["gold"] or row["change"] != "broken"
    for part in (found["in_sample"], found["held_out"]):
        here = [row for row in rows if row["site"] in part["sites"]]
        gained = sum(row["answer_b"] == row["gold"] for row in here)
        lost = sum(row["answer_a"] == row["gold"] for row in here)
        difference = part["accuracy_at_1"]["difference"]
        assert difference == pytest.approx((gained - lost) / part["n_answerable"])
        low, high = part["accuracy_at_1"]["interval"].values()
        assert low <= difference <= high
    assert any("technique" in row["decided_by"] for row in rows)
    printed = cli("compare", one, other, *options).stdout
    assert "accuracy@1: 0." in printed
    assert "newly critical: " in printed


RIGHT = Verdict(correct=True, kinds=(), accepted=True)
WRONG = Verdict(correct=False, kinds=(), accepted=False)
SIDE = WRONG._replace(kinds=("side",))
BOTH = WRONG._replace(kinds=("side", "contrast"))


def taken(verdict: Verdict) -> Verdict:
    return verdict._replace(accepted=True)


@pytest.mark.parametrize(
    ("a", "b", "change"),
    [
        (RIGHT, taken(SIDE), "newly accepted critical"),
        (SIDE, taken(SIDE), "newly accepted critical"),
        (taken(WRONG), taken(SIDE), "newly accepted critical"),
        (taken(SIDE), taken(BOTH), "newly accepted critical"),
        (RIGHT, taken(WRONG), "newly accepted wrong"),
        (WRONG, taken(WRONG), "newly accepted wrong"),
        (SIDE, taken(WRONG), "newly accepted wrong"),
        (RIGHT, SIDE, "newly critical"),
        (WRONG, SIDE, "newly critical"),
        (SIDE, BOTH, "newly critical"),
        (taken(SIDE), BOTH, "newly critical"),
        (RIGHT, WRONG, "broken"),
        (SIDE, WRONG, "no longer critical"),
        (taken(SIDE), taken(WRONG), "no longer critical"),
        (taken(SIDE), RIGHT, "fixed"),
        (WRONG, RIGHT._replace(accepted=False), "fixed"),
        (RIGHT._replace(accepted=False), RIGHT, None),
        (taken(WRONG), taken(WRONG), None),
        (taken(BOTH), taken(SIDE), None),
        (taken(SIDE), SIDE, None),
    ],
)
def test_a_change_is_named_by_the_worst_that_holds(
    a: Verdict, b: Verdict, change: str | None
) -> None:
    assert change_between(a, b) == change


def test_sites_without_a_right_row_have_no_accuracy(cli: Cli) -> None:
    one = configuration(cli, "a.yaml")
    records = [
        {"DATA_SOURCE": "NORTHMOOR", "EXAM_NAME": "CT Head", "EXPECTED_NAME": "CT Head"},
        {"DATA_SOURCE": "ELSEWHERE", "EXAM_NAME": "Meeting", "EXPECTED_NAME": None},
    ]
    options = ("--dataset", cli.write("two.json", records))
    found = cli("compare", one, one, *options, "--json").document["held_out"]
    assert (found["n_cases"], found["n_answerable"]) == (1, 0)
    assert found["accuracy_at_1"] is found["critical"] is None
    assert "accuracy@1: no answerable case" in cli("compare", one, one, *options).stdout


def test_different_catalogues_are_refused(cli: Cli) -> None:
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    rows = json.loads((ROOT / document["data"]["catalogue"]).read_text(encoding="utf-8"))
    cli.write("some.json", rows[:40])
    one = configuration(cli, "a.yaml")
    other = configuration(cli, "b.yaml", data={**document["data"], "catalogue": "some.json"})
    error = cli("compare", one, other, "--dataset-dir", str(cli.data)).error
    assert "data/reference/NHS.json" in error
    assert "some.json" in error
    assert "name the same file in both" in error


def test_a_mistake_is_one_line(cli: Cli) -> None:
    one = configuration(cli, "a.yaml")
    assert "none.yaml: no such file" in cli("compare", one, "none.yaml").error
    assert "a.yaml: is an input" in cli("compare", one, one, "--output", one).error
    only_test = next(path for path in cli.data.glob("*_v7.json"))
    error = cli("compare", one, one, "--dataset", str(only_test)).error
    assert "test sites EASTWOLD" in error
    assert "take the site out of split.test" in error
