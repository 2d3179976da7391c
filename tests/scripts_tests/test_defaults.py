"""A configuration that lacks keys: every verb says so in one line on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli

NOTE = "no compute.least_cases; the default is used (1000000)"


@pytest.fixture
def old(cli: Cli) -> str:
    """The name of a configuration from before there were compute workers."""
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    del document["compute"]["least_cases"]
    cli.write("old.yaml", yaml.safe_dump(document))
    return "old.yaml"


def test_a_lookup_says_what_is_missing_apart_from_its_output(cli: Cli, old: str) -> None:
    ran = cli("lookup", "XR KNEE LT WB", "--config", old, "--json")
    assert ran.code == 0
    assert ran.stderr == f"{old}: {NOTE}\n"
    assert ran.document == cli("lookup", "XR KNEE LT WB", "--json").document


def test_a_study_names_the_configuration_of_its_file(cli: Cli, old: str) -> None:
    cli.write("night.yaml", f"{{config: {old}, strategy: random_search}}")
    ran = cli("submit", "night.yaml", "--storage", "sqlite:///studies.db")
    assert ran.code == 0, ran.stderr
    assert ran.stderr.startswith(f"{old}: {NOTE}\n")


def test_a_comparison_names_each_configuration(cli: Cli, old: str) -> None:
    ran = cli("compare", str(ROOT / "config.yaml"), old, "--dataset-dir", str(cli.data), "--json")
    assert ran.document["changed"] == []
    assert ran.stderr.splitlines().count(f"{old}: {NOTE}") == 1


@pytest.mark.parametrize("module", sorted((ROOT / "scripts").rglob("*.py")), ids=lambda p: p.stem)
def test_no_verb_reads_a_configuration_in_silence(module: object) -> None:
    assert "load_configuration" not in (ROOT / str(module)).read_text(encoding="utf-8")
