"""``make hazards``: write docs/hazards.md from the hazard table and a fresh count."""

from __future__ import annotations

from pathlib import Path

from benchmarks.hazard_log import hazard_page
from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.decisions.decision_quality import report_decisions
from objectives.workspace import Workspace
from support.atomic_files import write_whole

PAGE = Path(__file__).resolve().parent.parent / "docs" / "hazards.md"


def main() -> None:
    """Measure the shipped configuration on the gate sites and write the page."""
    config = load_configuration()
    workspace = Workspace(config)
    every = workspace.bank(workspace.load_cases(dataset_files(config.data.training_dir)).cases)
    gate = every.at(config.split.gate).labelled()
    measured = report_decisions(config, gate, workspace.truth).overall
    write_whole(PAGE, hazard_page(measured, tuple(config.split.gate)))
    print(f"{PAGE.name}: {measured.critical_accepted.n_cases} dangerous answers accepted")


if __name__ == "__main__":
    main()
