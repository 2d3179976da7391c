from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from pydantic import BaseModel

from objectives.configuration import Configuration
from studies.definition import project_paths
from studies.definition.options import OptimizationConfig
from studies.definition.study_file import EXAMPLE, StudyFile, load_study_file
from support.errors import ConfigurationError, InputFileError, RadTuneError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

SHIPPED = sorted((ROOT / "studies").glob("*.yaml"))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write a study file into a project of its own, which is the current folder."""
    (tmp_path / "project" / "studies").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")

    def write(text: str, name: str = "night.yaml") -> Path:
        path = Path("studies", name)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_study_can_be_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    definition = OptimizationConfig(study_file=path).definition()
    assert definition.name == path.stem
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_the_shipped_studies() -> None:
    assert [path.stem for path in SHIPPED] == [
        *("auto", "every-key", "grid", "new-site", "quick", "tpe-wide"),
    ]


def test_the_study_auto_is_what_optimize_runs_without_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    of_file = OptimizationConfig(study_file=ROOT / "studies/auto.yaml").definition()
    assert of_file == OptimizationConfig().definition(study_name="auto")


def test_the_example_shows_every_key() -> None:
    shown = yaml.safe_load((ROOT / EXAMPLE).read_text(encoding="utf-8"))

    def check(model: type[BaseModel], document: dict[str, object]) -> None:
        assert list(document) == list(model.model_fields)
        for name, field in model.model_fields.items():
            part = document[name]
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                assert isinstance(part, dict)
                check(field.annotation, part)

    check(StudyFile, shown)


def test_a_file_that_says_nothing_more_is_named_after_itself(write: Callable[..., Path]) -> None:
    assert load_study_file(write("seed: 7", "a night.yaml")).name == "a night"
    assert load_study_file(write("name: other", "a night.yaml")).name == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("storage: sqlite:///x.db", "storage: is an unknown key; there are name, config, data"),
        ("budgets: {trials: 3}", r"budgets: is an unknown key; did you mean 'budget'\?"),
        ("budget: {trails: 3}", r"budget\.trails: is an unknown key; did you mean 'trials'\?"),
        ("budget: {hours: 3}", r"budget\.hours: is an unknown key"),
        ("space: {bounds: {anatomy: [0, 1]}}", r"space\.bounds\.anatomy"),
        ("space: {ranges: {anatomy: [0, 1]}}", r"space\.ranges\.anatomy"),
        ("space: {grid: {anatomy_weight: []}}", r"space\.grid\.anatomy_weight: .* at least 1"),
        ("seed: '42'", r"seed: .*\(got '42'\)"),
        ("seed: true", "seed: "),
        ("budget: {trials: 10.0}", r"budget\.trials: "),
        ("budget: {trials: 0}", r"budget\.trials: "),
        ("budget: {timeout: .nan}", r"budget\.timeout: "),
        ("budget: {early_stopping_threshold: 1.5}", r"budget\.early_stopping_threshold: "),
        ("synchronous: 1", "synchronous: "),
        ("batch_size: 0", "batch_size: "),
        ("batch_size: 1001", "batch_size: "),
        ("strategy: magic", "strategy: 'magic' is unknown; there are auto, "),
        ("pruner: magic", "pruner: 'magic' is unknown; there are none, "),
        ("constraints: {hand: 1}", r"constraints\.hand.*there are side, modality"),
        ("constraints: {side: -1}", r"constraints\.side: "),
        ("name: ''", "name: the name of a study has 1 to 100 characters"),
        ("name: '  '", "name: the name of a study"),
        (f"name: {'x' * 101}", "name: the name of a study"),
        ('name: "a\\nb"', "name: the name of a study"),
        ('name: "a\\x1b[2Jb"', "name: the name of a study"),
        ('name: "a\\u202eb"', "name: the name of a study"),
        ("name: 7", "name: "),
        ("warm_start: ''", "warm_start: "),
        ("data: {files: a.json}", r"data\.files: "),
        ("output: 7", "output: "),
        ("- name", "a mapping of keys is expected; see .*/studies/every-key.yaml"),
        ("", "a mapping of keys is expected"),
        ("seed: 1\nseed: 2", "the key 'seed' stands twice"),
        ("name: !!python/name:os.system x", "tags"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(
    text: str, said: str, write: Callable[[str], Path]
) -> None:
    with pytest.raises(ConfigurationError, match=f"^studies/night.yaml: .*{said}") as refused:
        load_study_file(write(text))
    assert str(refused.value).isprintable()


def test_a_file_that_is_not_there(write: Callable[[str], Path]) -> None:
    with pytest.raises(InputFileError, match=r"^studies/day.yaml: no such file"):
        load_study_file(Path("studies/day.yaml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sites: {tuning: [WESTMARCH]}", "sites: the site 'WESTMARCH' is listed twice"),
        ("space: {bounds: {anatomy_weight: [0.0, 1.0]}}", r"space\.bounds: anatomy_weight"),
        (
            "space: {bounds: {exact_match_bonus: [0.0, 2.0]}}",
            r"space\.bounds: exact_match_bonus must be \[low, high\] within",
        ),
        ("space: {ranges: {anatomy_weight: [0.5, 0.2]}}", r"space\.ranges: anatomy_weight: \["),
        (
            "space: {ranges: {anatomy_weight: [0.5, 0.6], modality_weight: [0.5, 0.6]}}",
            r"space\.ranges: .* leave no room",
        ),
        ("config: other.yaml", r"config: other.yaml: no such file"),
    ],
)
def test_what_does_not_go_with_the_configuration_names_the_file(
    text: str, said: str, write: Callable[[str], Path]
) -> None:
    with pytest.raises(RadTuneError, match=f"^studies/night.yaml: {said}"):
        OptimizationConfig(study_file=write(text)).definition()


KEYS = {
    "config": "config: {}",
    "data.catalogue": "data: {{catalogue: {}}}",
    "data.slots": "data: {{slots: {}}}",
    "data.sanity": "data: {{sanity: {}}}",
    "data.training_dir": "data: {{training_dir: {}}}",
    "data.files.0": "data: {{files: [{}]}}",
    "output": "output: {}",
}
OUTSIDE = ("../outside/file.json", "{outside}/file.json", "link/file.json", "file_link.json")


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("key", KEYS)
def test_a_path_leaves_the_project_only_when_the_user_allows_it(
    key: str, path: str, write: Callable[[str], Path], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file.json").write_text("[]", encoding="utf-8")
    Path("link").symlink_to(outside)
    Path("file_link.json").symlink_to(outside / "file.json")
    written = path.format(outside=outside)
    file = write(KEYS[key].format(written))
    with pytest.raises(ConfigurationError, match="leads out of the project") as refused:
        load_study_file(file)
    assert str(refused.value).startswith(f"studies/night.yaml: {key}: {written} leads")
    assert "--allow-outside" in str(refused.value)
    with pytest.raises(ConfigurationError, match="leads out of the project"):
        OptimizationConfig(study_file=file).definition()
    allowed = load_study_file(file, allow_outside=True)
    assert written in str(allowed)


def test_a_folder_whose_file_is_a_link_out_of_the_project_is_refused(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "secret.json").write_text("[]", encoding="utf-8")
    Path("cases").mkdir()
    Path("cases/a.json").symlink_to(tmp_path / "secret.json")
    file = write("data: {training_dir: cases}")
    with pytest.raises(ConfigurationError, match=r"training_dir: cases/a\.json leads out"):
        load_study_file(file)
    assert load_study_file(file, allow_outside=True).data.training_dir == Path("cases")


def test_a_link_to_itself_is_refused_and_one_inside_is_not(write: Callable[[str], Path]) -> None:
    Path("round").symlink_to("round")
    Path("cases").mkdir()
    Path("inside").symlink_to("cases")
    with pytest.raises(ConfigurationError, match="output: round/x leads out"):
        load_study_file(write("output: round/x"))
    inside = load_study_file(write("data: {training_dir: inside}\noutput: cases/../x.yaml"))
    assert inside.data.training_dir == Path("inside")
    assert inside.output == Path("cases/../x.yaml")


def test_paths_are_relative_to_the_project_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of RadTune's own folder means that folder wherever it is run from."""
    root = tmp_path / "radtune"
    (root / "studies").mkdir(parents=True)
    file = root / "studies" / "night.yaml"
    file.write_text("output: out/best.yaml\ndata: {files: [a.json]}", encoding="utf-8")
    monkeypatch.setattr(project_paths, "PROJECT_ROOT", root)
    monkeypatch.chdir(root)
    assert load_study_file(file).output == Path("out/best.yaml")
    monkeypatch.chdir(tmp_path)
    elsewhere = load_study_file(file)
    assert elsewhere.output == root / "out/best.yaml"
    assert elsewhere.data.files == (root / "a.json",)
    file.write_text("output: ../best.yaml", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="leads out of the project"):
        load_study_file(file)


def test_results_of_a_built_in_study_go_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "radtune_data" / "night.yaml"
    installed.parent.mkdir()
    installed.write_text("output: out/best.yaml\ndata: {files: [a.json]}", encoding="utf-8")
    monkeypatch.setattr(project_paths, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(project_paths, "IS_CHECKOUT", False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    study = load_study_file(installed)
    assert (study.output, study.data.files) == (Path("out/best.yaml"), (Path("a.json"),))


def test_an_unreadable_folder_is_left_to_whoever_reads_it(write: Callable[[str], Path]) -> None:
    os.mkfifo("pipe")
    assert load_study_file(write("data: {training_dir: pipe}")).data.training_dir == Path("pipe")


def test_null_switches_a_rule_off_that_the_configuration_has_on(
    write: Callable[[str], Path], config: Configuration
) -> None:
    on = config.study.model_copy(
        update={"timeout": 60.0, "patience": 5, "early_stopping_threshold": 0.9}
    )
    below = config.model_copy(update={"study": on})
    assert load_study_file(write("budget: {trials: 7}")).laid_over(below).study == on.model_copy(
        update={"max_experiments": 7}
    )
    off = "budget: {timeout: null, patience: null, early_stopping_threshold: null}"
    assert load_study_file(write(off)).laid_over(below).study == on.model_copy(
        update={"timeout": None, "patience": None, "early_stopping_threshold": None}
    )
