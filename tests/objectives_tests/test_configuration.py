from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from objectives import configuration
from objectives.configuration import (
    Configuration,
    load_configuration,
    load_with_note,
    resolve,
)
from objectives.decisions.calibration import calibration_note
from support.errors import ConfigurationError, RadTuneError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]
SHIPPED = (ROOT / "config.yaml").read_text(encoding="utf-8")


def changed(change: Callable[[Document], object]) -> str:
    document = yaml.safe_load(SHIPPED)
    change(document)
    return yaml.safe_dump(document)


def misspell_anatomy(document: Document) -> None:
    """Misspell a key where another is missing, too."""
    weights = document["weights_component"]
    weights["anatomi"] = weights.pop("anatomy")
    del document["gate"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a mapping of keys is expected"),
        ("- 1\n- 2\n", "a mapping of keys is expected"),
        ("weights_component: [1, 2\n", "not valid YAML at line"),
        ("!!python/object/apply:os.system ['true']\n", "not valid YAML"),
        (SHIPPED + "retriever_top_k: 3\n", "the key 'retriever_top_k' stands twice"),
        ("a: !!bool maybe\n", "tags (!NAME) and aliases"),
        ("a: !!int ''\n", "tags (!NAME) and aliases"),
        ("a: !!timestamp x\n", "tags (!NAME) and aliases"),
        ("a: &a [x]\nb: *a\n", "at line 2, column 4 (tags (!NAME) and aliases (*NAME) are not"),
        ("a: &a [*a]\n", "tags (!NAME) and aliases"),
        ("a: 0x" + "f" * 5000, "longer than 1,024 characters"),
        ("a: 1" + ":1" * 20_000, "longer than 1,024 characters"),
        ('a: "\\ud800"', "half a character"),
        ('data: {catalogue: "a\\0b"}', "holds a null"),
        ("k: 1\n" * 60_000, "a configuration has 262,144 at most"),
        ("[" * 5000, "nested too deeply"),
        (changed(lambda d: d.update({"\n": 1})), "\\n: is an unknown key"),
        (changed(lambda d: d.update(retriever_top_k=True)), "retriever_top_k: "),
        (changed(lambda d: d.update(colour=1)), "colour: is an unknown key"),
        (
            changed(lambda d: d["weights_final"].update(colour=1)),
            "weights_final.colour: is an unk",
        ),
        (changed(misspell_anatomy), "anatomi: is an unknown key; did you mean 'anatomy'?"),
        (
            changed(lambda d: (d.update(colour=1), d.update(retriever_top_k=0))),
            "colour: is an unknown key; there are weights_component, ",
        ),
        (changed(lambda d: d["weights_component"].update(anatomy=0.5)), "must sum to 1"),
        (
            changed(lambda d: d["weights_component"].update(anatomy="much")),
            "anatomy: input should",
        ),
        (changed(lambda d: d.update(exact_match_bonus=float("nan"))), "exact_match_bonus: "),
        (changed(lambda d: d.update(interventional_penalty=0.2)), "interventional_penalty: "),
        (changed(lambda d: d.update(retriever_top_k=0)), "retriever_top_k: "),
        (changed(lambda d: d["split"].update(gate=[*d["split"]["tuning"]])), "listed twice"),
        (changed(lambda d: d["study"]["grid"].update(colour=[1])), "study.grid.colour"),
        (
            changed(lambda d: d["study"]["bounds"].update(exact_match_bonus=[0.5, 0.1])),
            "low, high",
        ),
        (changed(lambda d: d["objective"].update(n_rungs=0)), "objective.n_rungs: "),
        (
            changed(lambda d: d["study"]["pruners"]["wilcoxon"].update(n_min_trials=5)),
            "study.pruners.wilcoxon.n_min_trials: is an unknown key",
        ),
        (
            changed(lambda d: d["study"]["pruners"]["hyperband"].update(reduction_factor=1)),
            "study.pruners.hyperband.reduction_factor: ",
        ),
        (changed(lambda d: d["decision"].update(target_error_rate=1.0)), "target_error_rate"),
        (changed(lambda d: d["decision"].update(accept_threshold=0.9)), "unknown key"),
        (changed(lambda d: d["calibration"]["first"].pop()), "calibration.first"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RadTuneError) as caught:
        load_configuration(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def write(folder: Path, change: Callable[[Document], object]) -> Path:
    path = folder / "own.yaml"
    path.write_text(changed(change), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (
            lambda d: d["compute"].pop("least_cases"),
            "no compute.least_cases; the default is used (1000000)",
        ),
        (
            lambda d: (d["study"].pop("pruner"), d["study"].pop("timeout"), d.pop("gate")),
            'no study.timeout (null), study.pruner ("bound"), gate; the defaults are used',
        ),
        (
            lambda d: d["weights_component"].pop("anatomy"),
            "no weights_component.anatomy; the default is used (0.35)",
        ),
        (
            lambda d: d["study"]["pruners"]["median"].pop("n_min_trials"),
            "no study.pruners.median.n_min_trials; the default is used (5)",
        ),
        (lambda d: d["study"].pop("bounds"), "no study.bounds; the default is used"),
        (lambda d: d["calibration"].pop("weights"), "no calibration; the default is used"),
        (
            lambda d: [model.pop("margin") for model in d["calibration"]["first"]],
            "no calibration; the default is used",
        ),
    ],
)
def test_a_missing_key_takes_the_default_and_is_named(
    change: Callable[[Document], object], note: str, config: Configuration, tmp_path: Path
) -> None:
    path = write(tmp_path, change)
    assert load_with_note(path) == (config, f"{path}: {note}")


def test_what_a_file_says_stays_beside_the_defaults(config: Configuration, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("{retriever_top_k: 7, compute: {least_cases: 3}}", encoding="utf-8")
    compute = config.compute.model_copy(update={"least_cases": 3})
    found = load_configuration(path)
    assert found == config.model_copy(update={"retriever_top_k": 7, "compute": compute})


def test_a_default_that_does_not_go_with_the_file_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        lambda d: d.update(weights_final={"component": 0.6, "semantic": 0.4}),
    )
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(path)
    assert str(refused.value) == (
        f"{path}: weights_final: the shares must sum to 1, they sum to 1.1; "
        "no weights_final.frequency; the default is used (0.1)"
    )


def test_the_default_calibration_is_called_so_for_other_weights(tmp_path: Path) -> None:
    path = write(tmp_path, lambda d: (d.pop("calibration"), d.update(exact_match_bonus=0.2)))
    config = load_configuration(path)
    assert calibration_note(config, config.calibration.catalogue)


def test_the_built_in_configuration_is_complete(config: Configuration) -> None:
    assert load_with_note(ROOT / "config.yaml") == (config, "")


def test_the_built_in_configuration_has_no_defaults_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "BUILTIN_FILES", tmp_path)
    path = write(tmp_path, lambda d: d["gate"].pop("seed")).rename(tmp_path / "config.yaml")
    with pytest.raises(ConfigurationError, match=r"config\.yaml: gate\.seed: is missing$"):
        load_configuration(path)


def test_a_default_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "BUILTIN_FILES", tmp_path)
    url = "postgresql+psycopg://me:s3cr3t@h/db"
    write(tmp_path, lambda d: d["study"].update(storage=url)).rename(tmp_path / "config.yaml")
    loaded = load_with_note(write(tmp_path, lambda d: d["study"].pop("storage")))
    assert loaded.configuration.study.storage == url
    assert "s3cr3t" not in loaded.note


def test_a_file_is_looked_for_here_then_among_the_built_in_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builtin, here = tmp_path / "builtin", tmp_path / "here"
    for folder, names in ((builtin, "ab"), (here, "bc")):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    monkeypatch.setattr(configuration, "BUILTIN_FILES", builtin)
    monkeypatch.chdir(here)
    found = {name: resolve(Path(name)) for name in "abcd"}
    assert found == {"a": builtin / "a", "b": Path("b"), "c": Path("c"), "d": Path("d")}
    assert resolve(here / "a") == here / "a"


def test_the_shipped_configuration_survives_export(config: Configuration, tmp_path: Path) -> None:
    path = tmp_path / "copy.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    assert load_configuration(path) == config


def test_provenance_is_a_known_key_that_changes_nothing(config: Configuration) -> None:
    document = config.model_dump(mode="json") | {"provenance": {"study": "x"}}
    assert Configuration.model_validate(document).weights == config.weights


def test_the_split_is_five_two_two(config: Configuration) -> None:
    assert [len(sites) for _, sites in config.split] == [5, 2, 2]


def test_how_cases_are_shared_out_changes_no_hash(config: Configuration) -> None:
    compute = config.compute.model_copy(update={"least_cases": 0, "cases_per_shard": 7})
    other = config.model_copy(update={"compute": compute})
    assert other != config
    assert (other.sha256, other.results_sha256) == (config.sha256, config.results_sha256)
