"""The help of the command line, and what it says of names that do not exist."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.run_training import VERBS
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli

NARROW = "80"
SUMMARIES = {name: one.summary for name, one in STRATEGIES.items()}
SUMMARIES |= {name: one.summary for name, one in PRUNERS.items()}


def test_without_a_verb_the_help_is_printed(cli: Cli) -> None:
    alone, asked = cli(COLUMNS=NARROW), cli("--help", COLUMNS=NARROW)
    assert (alone.code, asked.code) == (2, 0)
    assert alone.stdout == asked.stdout
    assert alone.stdout.startswith("Usage: ")
    assert alone.stderr == asked.stderr == ""


def test_no_summary_of_a_verb_is_cut_at_80_columns(cli: Cli) -> None:
    lines = cli("--help", COLUMNS=NARROW).stdout.splitlines()
    for verb, known in VERBS.items():
        assert f"  {verb:<9}  {known.summary}" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_begins_with_its_summary(verb: str, cli: Cli) -> None:
    ran = cli(verb, "--help", COLUMNS=NARROW)
    assert ran.code == 0
    _, _, summary, after, *_ = ran.stdout.splitlines()
    assert (summary.strip(), after) == (VERBS[verb].summary, "")


def test_the_help_lists_every_strategy_and_pruner(cli: Cli) -> None:
    lines = cli("optimize", "--help", COLUMNS=NARROW).stdout.splitlines()
    rows = [line.split(maxsplit=1) for line in lines]
    for name, summary in SUMMARIES.items():
        assert [name, summary] in rows
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mapp",), "command 'mapp' is unknown (did you mean 'map'?); there are train, optimize"),
        (("mapp", "--help"), "did you mean 'map'?"),
        (("frobnicate",), "command 'frobnicate' is unknown; there are train, optimize, "),
        (("optimize", "--strategy", "line-search"), "(did you mean 'line_search'?); there are "),
        (("optimize", "--pruner", "medain"), "(did you mean 'median'?); there are "),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(
    arguments: tuple[str, ...], said: str, cli: Cli
) -> None:
    assert said in cli(*arguments).error


@pytest.mark.process
def test_no_line_of_make_help_is_long() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = listed.stdout.splitlines()
    assert any("make optimize " in line for line in lines)
    assert max(map(len, lines)) <= 100
