from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.faults_ground import write_few
from engine.decision.decide import decide
from engine.ranking.coefficients import effective_coefficients
from objectives.bank.scoring import find_winners
from objectives.cases.cases import dataset_files
from objectives.configuration import Configuration, load_configuration, load_with_note
from objectives.workspace import Workspace
from studies.calibrate import _with_section, calibrate
from tests.conftest import ROOT

N_RECORDS_PER_SITE = 400
TARGET = 0.10  # few cases support a threshold for this rate


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few") / "data"
    write_few(folder, N_RECORDS_PER_SITE)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A configuration of the user's own, with comments and a reachable target."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("target_error_rate: 0.01", f"target_error_rate: {TARGET}"))
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADTUNE_CACHE", str(tmp_path_factory.getbasetemp() / "calibrate-cache"))


def test_the_file_gets_the_numbers_and_keeps_everything_else(own: Path, data: Path) -> None:
    before = own.read_text(encoding="utf-8")
    head = before.index("\ncalibration:")
    run = calibrate(own, (), data)
    after = own.read_text(encoding="utf-8")
    assert after[:head] == before[:head]
    assert after != before
    assert load_configuration(own).calibration == run.fitted.calibration
    assert run.fitted.operating_point is not None
    assert run.fitted.operating_point.upper_bound < TARGET
    assert run.gate_sites == ("FENMOUTH CDC", "WESTMARCH")


def test_a_built_in_configuration_is_copied_into_the_current_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = (ROOT / "config.yaml").read_bytes()
    monkeypatch.chdir(tmp_path)
    run = calibrate(Path("config.yaml"), (), data)
    assert load_configuration(run.output).calibration == run.fitted.calibration
    assert (tmp_path / run.output).read_bytes() != shipped
    assert (ROOT / "config.yaml").read_bytes() == shipped


@pytest.mark.parametrize("text", ["{retriever_top_k: 7}", "calibration: {weights: x}"])
def test_a_file_without_a_whole_calibration_gets_one(text: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load_with_note(path)
    path.write_text(_with_section(path, loaded.configuration.calibration), encoding="utf-8")
    again = load_with_note(path)
    assert again.configuration == loaded.configuration
    assert "calibration" in loaded.note
    assert "calibration" not in again.note


@pytest.mark.parametrize("number", ["-2.278323757754264e+206", "1.50", "2.5e-1", ".5"])
def test_a_number_elsewhere_keeps_every_digit(number: str, own: Path) -> None:
    text = own.read_text(encoding="utf-8")
    line = "    anatomy_weight: [0.25, 0.30, 0.35, 0.40]\n"
    assert line in text
    own.write_text(text.replace(line, f"{line}    synonym_match_bonus: [{number}]\n"))
    config = load_configuration(own)
    rewritten = _with_section(own, config.calibration)
    assert f"synonym_match_bonus: [{number}]\n" in rewritten
    own.write_text(rewritten, encoding="utf-8")
    assert load_configuration(own) == config


def test_the_threshold_never_sees_gate_or_test_sites(
    own: Path, data: Path, tmp_path: Path
) -> None:
    """Their gold rows are permuted: numbers and threshold stay, what is measured falls."""
    split = load_configuration(own).split
    rng = np.random.default_rng(0)
    permuted = tmp_path / "permuted"
    permuted.mkdir()
    for path in data.glob("*.json"):
        records = json.loads(path.read_text(encoding="utf-8"))
        if records[0]["DATA_SOURCE"].upper() in {*split.gate, *split.test}:
            gold = [record["EXPECTED_NAME"] for record in records]
            for record, other in zip(records, rng.permutation(len(gold)), strict=True):
                record["EXPECTED_NAME"] = gold[other]
        (permuted / path.name).write_text(json.dumps(records), encoding="utf-8")
    straight, crossed = calibrate(own, (), data), calibrate(own, (), permuted)
    assert straight.fitted == crossed.fitted
    assert straight.fitted.calibration.accept_threshold is not None
    assert crossed.gate.overall.accuracy_at_1 < 0.1 < straight.gate.overall.accuracy_at_1


def test_an_export_decides_the_same_bit_for_bit(own: Path, data: Path, tmp_path: Path) -> None:
    calibrate(own, (), data)
    config = load_configuration(own)
    exported = tmp_path / "exported.yaml"
    exported.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    again = load_configuration(exported)
    workspace = Workspace(config, data)
    cases = workspace.load_cases(dataset_files(data)).cases[::7]
    judged = workspace.bank(cases)

    def decided(settings: Configuration) -> tuple[np.typing.NDArray[np.generic], ...]:
        winners = find_winners(judged, effective_coefficients(settings.weights))
        return tuple(decide(winners.evidence, settings.calibration, settings.decision))

    first, second = decided(config), decided(again)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    # One name at a time says the same, at sites that see the usage of all tuning sites.
    engine = Workspace(again, data).lookup_engine()
    held_out = {*config.split.gate, *config.split.test}
    asked = [number for number, case in enumerate(cases) if case.site in held_out]
    assert len(asked) > 100
    for number in asked:
        answer = engine.lookup(cases[number].exam_name, cases[number].modality_code)
        one = answer.status, answer.confidence, len(answer.offered), answer.offered_probability
        assert one == tuple(column[number] for column in first)
