from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.hazard_log import HAZARDS, hazard_page
from objectives.cases.cases import dataset_files
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.decisions.calibration import fit_calibration
from objectives.decisions.decision_quality import report_decisions
from objectives.workspace import Workspace
from tests.conftest import ROOT

if TYPE_CHECKING:
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.configuration import Configuration


@pytest.fixture(scope="module")
def workspace(config: Configuration) -> Workspace:
    return Workspace(config)


@pytest.fixture(scope="module")
def shipped(workspace: Workspace, config: Configuration) -> LabelledBank:
    return workspace.bank(workspace.load_cases(dataset_files(config.data.training_dir)).cases)


def test_every_hazard_has_tests_that_exist() -> None:
    keys = [hazard.key for hazard in HAZARDS]
    assert keys == sorted(set(keys))
    for hazard in HAZARDS:
        assert hazard.tests, hazard.key
        for test in hazard.tests:
            path, name = test.split("::")
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            assert name in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, test


def test_every_kind_of_critical_error_is_a_hazard() -> None:
    assert set(CRITICAL_KINDS) <= {hazard.counted for hazard in HAZARDS}


def test_the_page_is_what_the_table_and_a_fresh_count_say(
    config: Configuration, workspace: Workspace, shipped: LabelledBank
) -> None:
    """When this fails: `make hazards`."""
    gate = shipped.at(config.split.gate).labelled()
    measured = report_decisions(config, gate, workspace.truth).overall
    page = (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8")
    assert page == hazard_page(measured, tuple(config.split.gate))


def test_the_shipped_calibration_is_what_a_fresh_fit_gives(
    config: Configuration, workspace: Workspace, shipped: LabelledBank
) -> None:
    """When this fails: `make calibrate`."""
    fresh = fit_calibration(
        shipped.at(config.split.tuning), config, workspace.catalogue_sha256
    ).calibration
    assert fresh.accept_threshold == pytest.approx(config.calibration.accept_threshold, abs=1e-4)
    for name in ("catalogue", "weights", "settings"):
        assert getattr(fresh, name) == getattr(config.calibration, name)
    for new, old in zip(fresh.first, config.calibration.first, strict=True):
        assert np.allclose(
            list(new.model_dump().values()), list(old.model_dump().values()), atol=1e-3
        )
