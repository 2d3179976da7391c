"""Every reader under malformed files; ``make test-faults`` sends ten times as many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from objectives.configuration import load_configuration
from support.engine_version import engine_sha256
from tests.conftest import ROOT
from tests.faults_tests.malformed import TIME_LIMIT_S, report, run

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli

N_INPUTS = 1000
N_READERS = 22


@pytest.mark.timeout(300, method="thread")  # it has an alarm of its own for each input
def test_malformed_files_load_or_are_refused_in_one_line() -> None:
    outcome = run(N_INPUTS, 42)
    assert not outcome.failures, "\n\n".join(
        f"{reader}: {what}\n{content[:300]!r}" for reader, what, content in outcome.failures[:5]
    )
    assert len(outcome.counts) == N_READERS, report(outcome)
    for name, counts in outcome.counts.items():
        assert counts["loaded"], name
        # what is wrong inside a bank is built anew, whatever it is
        assert counts["refused"] or name.startswith(("bank", "stopped build")), name
    assert sum(counts.total() for counts in outcome.counts.values()) >= N_INPUTS
    assert outcome.slowest_s < TIME_LIMIT_S


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE study_user_attributes SET value_json = '[' || value_json",
        "UPDATE study_user_attributes SET value_json = '7'",
        "UPDATE trial_params SET distribution_json = '{'",
        "UPDATE trial_user_attributes SET value_json = '[' || value_json",
        "UPDATE trial_user_attributes SET key = key || 'x'",
        "UPDATE trials SET state = 'RUNNING'",
    ],
)
def test_a_study_that_was_damaged_is_refused_in_one_line(damage: str, cli: Cli) -> None:
    options = ("optimize", "--dataset-dir", str(cli.data), "--max-experiments")
    assert cli(*options, "2").code in (0, 3, 4)
    cli.sql(damage, "optimization_results.db")
    error = cli(*options, "3").error
    assert "study 'auto-seed-42'" in error
    assert "--study-name" in error


@pytest.mark.parametrize("provenance", [{}, {"data": 7}, {"data": {"cases": "all"}}])
def test_an_export_whose_provenance_was_edited_is_not_preferred(
    provenance: dict[str, object], cli: Cli
) -> None:
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    hashes = {
        "baseline_configuration": load_configuration(ROOT / "config.yaml").sha256,
        "engine": engine_sha256(),
    }
    edited = {**document, "provenance": {**hashes, **provenance}}
    cli.write("optimized_config.yaml", yaml.safe_dump(edited))
    ran = cli("train", "--dataset-dir", str(cli.data), "--json")
    assert ran.document["config"] == "config.yaml"
    assert "the catalogue has changed" in ran.document["config_reason"]
