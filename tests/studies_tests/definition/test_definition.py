from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from objectives.configuration import Configuration, load_configuration
from studies.definition.definition import StudyDefinition
from studies.definition.options import OptimizationConfig
from support.errors import ConfigurationError, StudyError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cr3t"  # noqa: S105 - made up
URL = f"postgresql+psycopg://me:{SECRET}@localhost:1/db?sslpassword={SECRET}&a=b"
FILE = """
name: night
config: own.yaml
data: {training_dir: cases, files: [cases/a.json], sanity: sanity.json}
sites: {tuning: [north, EAST], test: []}
space:
  bounds: {exact_match_bonus: [0.1, 0.30000000000000004]}
  ranges: {anatomy_weight: [0.2, 0.5], semantic_weight: [0.1, 0.2]}
  grid: {anatomy_weight: [0.2, 0.3]}
strategy: tpe
pruner: median
budget: {trials: 12, timeout: 0.1, patience: 3, early_stopping_threshold: 0.95}
constraints: {side: 3, pregnancy: 0}
seed: 7
warm_start: last
output: out/best.yaml
"""


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study file with every key, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    own = text.replace("storage: sqlite:///optimization_results.db", f"storage: {URL}").replace(
        "storage: sqlite:///training_sessions.db", f"storage: {URL}"
    )
    assert own.count(URL) == 2
    Path("own.yaml").write_text(own, encoding="utf-8")
    Path("night.yaml").write_text(FILE, encoding="utf-8")
    return Path("night.yaml")


def test_a_study_file_lies_over_its_configuration(night: Path) -> None:
    own = load_configuration(Path("own.yaml"))
    made = OptimizationConfig(study_file=night).definition()
    assert made.name == "night"
    assert made.baseline == own.sha256
    assert made.configuration == own.model_copy(
        update={
            "data": own.data.model_copy(
                update={"training_dir": Path("cases"), "sanity": Path("sanity.json")}
            ),
            "split": own.split.model_copy(update={"tuning": ["NORTH", "EAST"], "test": []}),
        }
    )
    bounds = own.study.bounds | {"exact_match_bonus": (0.1, 0.1 + 0.2)}
    assert made.study == own.study.model_copy(
        update={
            "bounds": bounds,
            "grid": {"anatomy_weight": [0.2, 0.3]},
            "strategy": "tpe",
            "pruner": "median",
            "max_experiments": 12,
            "timeout": 0.1,
            "patience": 3,
            "early_stopping_threshold": 0.95,
            "seed": 7,
            "output": Path("out/best.yaml"),
        }
    )
    assert made.dataset_files == (Path("cases/a.json"),)
    assert made.ranges == {"anatomy_weight": (0.2, 0.5), "semantic_weight": (0.1, 0.2)}
    assert made.constraints == {"side": 3, "pregnancy": 0}
    assert made.warm_start == "last"


def test_options_lie_over_the_study_file(night: Path) -> None:
    made = OptimizationConfig(
        study_file=night,
        strategy="cmaes",
        pruner="none",
        max_experiments=50,
        timeout=9.0,
        patience=8,
        early_stopping_threshold=0.5,
        seed=0,
        storage="sqlite:///other.db",
        output=Path("/elsewhere/best.yaml"),
        warm_start="another",
        anatomy_weights=[0.4, 0.3],
        frequency_weights=[0.1],
    ).definition([Path("b.json")], "day")
    assert made.name == "day"
    study = made.study
    assert (study.strategy, study.pruner, study.max_experiments) == ("cmaes", "none", 50)
    assert (study.timeout, study.patience, study.early_stopping_threshold) == (9.0, 8, 0.5)
    assert (study.seed, study.storage) == (0, "sqlite:///other.db")
    assert study.output == Path("/elsewhere/best.yaml")
    assert made.warm_start == "another"
    assert made.dataset_files == (Path("b.json"),)
    assert made.ranges == {
        "anatomy_weight": (0.3, 0.4),
        "semantic_weight": (0.1, 0.2),
        "frequency_weight": (0.1, 0.1),
    }


def test_a_folder_that_is_asked_for_beats_the_files_of_the_study(night: Path) -> None:
    options = OptimizationConfig(study_file=night, dataset_dir=Path("others"))
    made = options.definition()
    assert made.configuration.data.training_dir == Path("others")
    assert made.dataset_files == ()
    assert options.definition([Path("c.json")]).dataset_files == (Path("c.json"),)


def test_a_configuration_that_is_asked_for_beats_that_of_the_study(night: Path) -> None:
    own = (ROOT / "config.yaml").read_text(encoding="utf-8")
    Path("third.yaml").write_text(own.replace("n_rungs: 20", "n_rungs: 10"), encoding="utf-8")
    of_file = OptimizationConfig(study_file=night)
    assert of_file.baseline_path == Path("own.yaml")
    asked = OptimizationConfig(study_file=night, config_path=Path("third.yaml"))
    assert asked.baseline_path == Path("third.yaml")
    assert asked.definition().configuration.objective.n_rungs == 10
    missing = OptimizationConfig(study_file=night, config_path=Path("fourth.yaml"))
    with pytest.raises(Exception, match=r"^fourth\.yaml: no such file"):
        missing.definition()


def test_a_grid_has_no_ranges(night: Path) -> None:
    options = OptimizationConfig(
        study_file=night, strategy="grid_search", modality_weights=[0.2, 0.3]
    )
    made = options.definition()
    assert made.ranges == {}
    assert made.study.grid == {"modality_weight": [0.2, 0.3]}


def test_without_a_study_file_a_study_is_what_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Configuration
) -> None:
    monkeypatch.chdir(tmp_path)
    made = OptimizationConfig().definition()
    assert made == StudyDefinition(
        name="auto-seed-42",
        configuration=config,
        baseline=config.sha256,
        study=config.study,
    )
    assert OptimizationConfig(strategy="tpe", seed=3).definition().name == "tpe-seed-3"


@pytest.mark.parametrize(
    ("options", "name", "said"),
    [
        (OptimizationConfig(seed=-1), None, "^seed: "),
        (OptimizationConfig(), "x" * 101, "^name: the name of a study has 1 to 100"),
        (OptimizationConfig(), "a\x1b[2J", "^name: the name of a study has 1 to 100"),
        (OptimizationConfig(anatomy_weights=[1.0]), None, "^anatomy_weight: .* no room"),
    ],
)
def test_an_option_out_of_range_is_named(
    options: OptimizationConfig, name: str | None, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        options.definition(study_name=name)


def test_a_definition_comes_back_as_it_was_without_passwords(night: Path) -> None:
    made = OptimizationConfig(study_file=night).definition()
    text = json.dumps(made.as_document())
    assert SECRET not in text
    again = StudyDefinition.from_document(json.loads(text))
    safe = "postgresql+psycopg://me@localhost:1/db?a=b"
    assert again.study.storage == safe
    settings = made.configuration
    assert again == made.model_copy(
        update={
            "study": made.study.model_copy(update={"storage": safe}),
            "configuration": settings.model_copy(
                update={
                    "study": settings.study.model_copy(update={"storage": safe}),
                    "training": settings.training.model_copy(update={"storage": safe}),
                }
            ),
        }
    )
    assert again.as_document() == json.loads(text)
    assert again.study.bounds["exact_match_bonus"][1].hex() == (0.1 + 0.2).hex()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://me:{SECRET}@localhost:port/db",
        f"postgresql+psycopg://me:{SECRET}@local host/db",
        f"://me:{SECRET}@localhost/db",
    ],
)
def test_a_password_in_what_is_no_url_is_not_stored_either(url: str) -> None:
    made = OptimizationConfig(storage=url).definition()
    assert SECRET not in json.dumps(made.as_document())


def test_the_provenance_of_the_baseline_is_left_out(config: Configuration) -> None:
    exported = config.model_copy(update={"provenance": {"gate": math.nan}})
    made = StudyDefinition(
        name="s", configuration=exported, baseline=exported.sha256, study=config.study
    )
    assert made.configuration == config


def test_a_definition_cannot_be_changed(night: Path) -> None:
    made = OptimizationConfig(study_file=night).definition()
    with pytest.raises(ValidationError, match="frozen"):
        made.name = "other"  # type: ignore[misc]  # what must not work


def leaves(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in document.items():
        yield document, key
        if isinstance(value, dict):
            yield from leaves(value)


@pytest.mark.parametrize("damage", [7, -1e999, "\x1b", [], {"x": [{}]}])
def test_a_damaged_definition_is_refused_in_one_line(damage: object, night: Path) -> None:
    """What is put in the place of any value is refused, or is a value that may stand there."""
    made = OptimizationConfig(study_file=night).definition()
    text = json.dumps(made.as_document())
    refused = []
    for number in range(len(list(leaves(json.loads(text))))):
        document = json.loads(text)
        place, key = list(leaves(document))[number]
        place[key] = damage
        try:
            read = StudyDefinition.from_document(document, "night")
        except StudyError as error:
            refused.append(str(error))
        else:
            assert StudyDefinition.from_document(read.as_document()) == read
    assert len(refused) > 60
    for line in refused:
        assert line.startswith("study 'night': its definition cannot be read (")
        assert "--study-name" in line
        assert line.isprintable()


@pytest.mark.parametrize("document", [None, 7, [], "x", {}, {"name": 7}])
def test_what_is_no_definition_is_refused(document: object) -> None:
    with pytest.raises(StudyError, match=r"^study '[7]?': its definition cannot be read"):
        StudyDefinition.from_document(document)
    with pytest.raises(StudyError, match=r"^study 'night': its definition cannot be read"):
        StudyDefinition.from_document(document, "night")


def test_the_key_that_is_missing_or_unknown_is_named(night: Path) -> None:
    document = OptimizationConfig(study_file=night).definition().as_document()
    for changed, said in (
        ({k: v for k, v in document.items() if k != "study"}, "study: is missing"),
        ({**document, "more": 1}, "more: is an unknown key"),
        ({**document, "ranges": {"hand": [0.0, 1.0]}}, "hand: no such weight"),
    ):
        with pytest.raises(StudyError, match=f"^study 'night': .*{said}"):
            StudyDefinition.from_document(changed)


@pytest.mark.process
def test_a_definition_is_read_without_optuna_at_work() -> None:
    """A module that only needs the definition imports no strategy by it."""
    code = (
        "import sys, types; package = types.ModuleType('studies'); "
        f"package.__path__ = [{str(ROOT / 'studies')!r}]; sys.modules['studies'] = package; "
        "import studies.definition.definition; sys.exit('optuna' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
