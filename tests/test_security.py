"""What reads files and databases runs nothing that stands in them, and tells no password."""

from __future__ import annotations

import ast
import json
import pickle
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from objectives.configuration import load_configuration
from objectives.search_space import SearchSpace
from scripts import run_training
from studies.definition.options import OptimizationConfig
from studies.definition.study_file import load_study_file
from studies.storage.database import open_storage
from studies.storage.trial_records import to_record, weight_distributions
from studies.trial import Trial
from support.databases import Holds, check_database, without_password
from support.errors import RadTuneError, hide_passwords
from tests.conftest import ROOT
from tests.studies_tests.storage.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from objectives.configuration import Configuration

PACKAGES = (
    "support",
    "engine",
    "exchange",
    "objectives",
    "studies",
    "scripts",
    "benchmarks",
    "data",
)
PICKLES = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "copyreg"}
UNSAFE_YAML = re.compile(r"unsafe|full_?load|\bCLoader\b|^Loader$|UnsafeLoader|BaseLoader")
STORED_BY_JOBLIB = {"dump", "load", "Memory"}
RUNS_SQL = {"text", "execute", "exec_driver_sql", "scalar", "scalars", "executescript"}


def dangers(code: str) -> set[str]:
    """Name what a module must not do."""
    return {found for node in ast.walk(ast.parse(code)) for found in _dangers(node)}


def _dangers(node: ast.AST) -> Iterator[str]:
    names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
    if isinstance(node, ast.ImportFrom):
        names = {node.module or "", *(alias.name for alias in node.names)}
        if node.module == "joblib" and names & STORED_BY_JOBLIB:
            yield "pickle"
    if {name.split(".")[0] for name in names} & PICKLES:
        yield "pickle"
    named = _name(node)
    if named == "CmaEsSampler" or "CmaEsSampler" in names:
        yield "Optuna's CmaEsSampler"
    if UNSAFE_YAML.search(named) or any(UNSAFE_YAML.search(name) for name in names):
        yield "yaml"
    if isinstance(node, ast.Call):
        yield from _dangerous_calls(node)


def _dangerous_calls(call: ast.Call) -> Iterator[str]:
    called = _name(call.func)
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if owner == "yaml" and called in ("load", "load_all") and not _is_ruamel(call):
        yield "yaml"
    if called == "YAML" and ("typ" in keywords or call.args):
        yield "yaml"
    if owner in ("np", "numpy") and called == "load" and keywords.get("allow_pickle") != "False":
        yield "pickle"
    if keywords.get("allow_pickle") == "True":
        yield "pickle"
    if owner == "joblib" and called in STORED_BY_JOBLIB:
        yield "pickle"
    if called in RUNS_SQL and call.args and _is_made(call.args[0]):
        yield "SQL"


def _is_ruamel(call: ast.Call) -> bool:
    """Whether ``yaml`` is a loader of ruamel.yaml, safe as it comes, which takes one argument."""
    return len(call.args) == 1 and not call.keywords


def _is_made(sql: ast.expr) -> bool:
    """Whether a statement is put together instead of having bound parameters."""
    if isinstance(sql, ast.Call):
        return _name(sql.func) in ("format", "join", "replace")
    if isinstance(sql, ast.BinOp):
        return isinstance(sql.op, ast.Mod | ast.Add)
    return isinstance(sql, ast.JoinedStr) and any(
        isinstance(part, ast.FormattedValue) for part in sql.values
    )


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_does_what_is_dangerous(package: str) -> None:
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    found = {str(path): dangers(path.read_text(encoding="utf-8")) for path in paths}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import pickle", {"pickle"}),
        ("from pickle import loads", {"pickle"}),
        ("import joblib\njoblib.load(p)", {"pickle"}),
        ("from joblib import dump", {"pickle"}),
        ("np.load(p)", {"pickle"}),
        ("np.load(p, allow_pickle=True)", {"pickle"}),
        ("np.load(p, mmap_mode='r', allow_pickle=False)", set()),
        ("yaml.load(t, Loader=yaml.FullLoader)", {"yaml"}),
        ("yaml.unsafe_load(t)", {"yaml"}),
        ("from yaml import full_load", {"yaml"}),
        ("class L(yaml.Loader): pass", {"yaml"}),
        ("YAML(typ='unsafe')", {"yaml"}),
        ("yaml.safe_load(t)", set()),
        ("YAML().load(t)", set()),
        ("optuna.samplers.CmaEsSampler()", {"Optuna's CmaEsSampler"}),
        ("c.execute(f'select {x}')", {"SQL"}),
        ("c.execute(sa.text('select %s' % x))", {"SQL"}),
        ("c.execute(sa.text('select {}'.format(x)))", {"SQL"}),
        ("c.exec_driver_sql('select ' + x)", {"SQL"}),
        ("c.execute(sa.text('select :x'), {'x': x})", set()),
        ("c.execute(sa.insert(t).values(v))", set()),
    ],
)
def test_a_danger_is_seen(code: str, what: set[str]) -> None:
    assert dangers(code) == what


class Trap:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_in_a_study_is_never_opened(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    blob = pickle.dumps(Trap(sprung)).hex()
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    study = optuna.create_study(storage=storage, study_name="s")
    study.set_user_attr("cma:optimizer", blob)
    trial = optuna.trial.create_trial(
        value=1.0,
        system_attrs={"cma:optimizer:0": blob, "cma:n_restarts": 0},
        user_attrs={"coordinates": blob},
    )
    write(storage, [trial], "s")
    storage.engine.dispose()
    again = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    loaded = optuna.load_study(study_name="s", storage=again)
    (record,) = loaded.get_trials()
    assert record.system_attrs["cma:optimizer:0"] == loaded.user_attrs["cma:optimizer"] == blob
    again.engine.dispose()
    assert not sprung.exists()
    pickle.loads(bytes.fromhex(blob))  # noqa: S301 - the trap works
    assert sprung.exists()


SECRET = "s3cr3t"  # noqa: S105 - made up
URLS = [
    f"postgresql+psycopg://me:{SECRET}@/db?host=/no/such/folder",
    f"postgresql+psycopg://me:{SECRET}@localhost:1/db",
    f"postgresql+psycopg://me@localhost:1/db?password={SECRET}",
    f"postgresql+psycopg://me:{SECRET}@localhost:port/db",
    f"postgresql+psycopg://me:{SECRET}@local host/db",
    f"postgresql+psycopg://me:{SECRET}/@localhost/db",
    f"nosuchdriver://me:{SECRET}@localhost/db",
    f"postgresql+psycopg://me@localhost:1/db?sslpassword={SECRET}&bad=1",
    f"://me:{SECRET}@localhost/db",
    f"postgresql+psycopg://me:%40{SECRET}@localhost:1/db",
    f"postgresql+psycopg://me:p@{SECRET}@localhost:1/db",
    f"postgresql+psycopg://me@localhost:1/db?password=p@{SECRET}",
    f"postgresql+psycopg://me@localhost:1/db?passfile=/no/such&p%61ssword={SECRET}",
    f"postgresql+psycopg://localhost:1/db?conninfo=password%3D{SECRET}",
    f"postgresql+psycopg://me:{SECRET}@localhost:1/db?connect_timeout=soon",
    f"postgresql+psycopg://me:{SECRET}@localhost:1/db?sslmode=verify-full&sslrootcert=/no/ca.crt",
]


@pytest.mark.parametrize("url", URLS)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(url: str) -> None:
    with pytest.raises(RadTuneError) as refused:
        check_database(url, Holds.STUDIES)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [
        *(("optimize", "--storage", url, "--json") for url in URLS[:4]),
        ("optimize", URLS[0]),
        ("optimize", "--seed", URLS[0]),
        ("train", "--dataset", URLS[0]),
        (URLS[0],),
    ],
)
def test_no_mistake_tells_a_password(
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["radtune", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_training.main()
    out, err = capsys.readouterr()
    assert ended.value.code not in (0, None)
    assert out == ""
    assert err.startswith("radtune: error: ")
    assert SECRET not in err


@pytest.mark.parametrize("storage", [[URLS[0]], {"url": URLS[0]}])
def test_a_wrong_configuration_is_quoted_without_its_password(
    storage: object, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    line = "storage: sqlite:///training_sessions.db"
    assert line in text
    path.write_text(text.replace(line, f"storage: {json.dumps(storage)}"), encoding="utf-8")
    with pytest.raises(RadTuneError, match=r"training\.storage: .*\*\*\*") as refused:
        load_configuration(path)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"x postgresql://me:{SECRET}@h/db y", "x postgresql://me:***@h/db y"),
        (f"postgresql://me:{SECRET}@x@h/db", "postgresql://me:***@h/db"),
        (f"PGPASSWORD={SECRET} psql", "PGPASSWORD=*** psql"),
        (f"db?sslpassword={SECRET}&x=1", "db?sslpassword=***&x=1"),
        (f"?conninfo=password%3D{SECRET}&x=1", "?conninfo=password%3D***&x=1"),
        (f"postgresql://me:%40{SECRET}%2F@h/db", "postgresql://me:***@h/db"),
        (
            "postgresql://me@h/db?passfile=/home/me/.pgpass",
            "postgresql://me@h/db?passfile=/home/me/.pgpass",
        ),
        ("postgresql://me@h:5432/db", "postgresql://me@h:5432/db"),
        ("12:30 CT Head", "12:30 CT Head"),
    ],
)
def test_passwords_are_hidden_wherever_a_text_quotes_them(text: str, hidden: str) -> None:
    assert hide_passwords(text) == hidden


def test_a_url_for_a_file_has_no_password_and_can_still_be_used() -> None:
    assert without_password(f"postgresql+psycopg://me:{SECRET}@h:5432/db?sslpassword=x&a=b") == (
        "postgresql+psycopg://me@h:5432/db?a=b"
    )
    assert without_password(f"postgresql://me:p@{SECRET}@h/db") == "postgresql://me:***@h/db"
    at_work = "sqlite:////home/me@work/x@y.db"
    assert sa.make_url(without_password(at_work)) == sa.make_url(at_work)
    for url in ("sqlite:///studies.db", "sqlite://", "no url"):
        assert without_password(url) == url


def test_the_traceback_of_a_failed_trial_is_stored_without_a_password(
    config: Configuration,
) -> None:
    now = datetime.now()  # noqa: DTZ005 - as Optuna
    failed = Trial(config.weights, {}, "x", state=TrialState.FAIL, started=now, ended=now)
    ranges = weight_distributions(SearchSpace(config.study.bounds))
    record = to_record(
        failed, ranges, {}, failure=f"OperationalError: postgresql://me:{SECRET}@h/db"
    )
    assert "OperationalError: postgresql://me:***@h/db" in repr(record.user_attrs)
    assert SECRET not in repr(record.user_attrs)


@pytest.mark.parametrize(
    "said",
    [
        "output: ../own.yaml",
        "output: /etc/cron.d/own.yaml",
        "output: link/own.yaml",
        "config: ../config.yaml",
        "data: {training_dir: /etc}",
        "data: {files: [../../etc/passwd]}",
        "data: {sanity: link/passwd}",
    ],
)
def test_a_study_file_reads_and_writes_nothing_outside_the_project(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    Path("link").symlink_to("/etc")
    Path("night.yaml").write_text(said, encoding="utf-8")
    with pytest.raises(RadTuneError, match=r"^night\.yaml: .*--allow-outside") as refused:
        OptimizationConfig(study_file=Path("night.yaml")).definition()
    assert str(refused.value).isprintable()


def test_a_study_file_names_no_database(tmp_path: Path) -> None:
    path = tmp_path / "night.yaml"
    path.write_text(f"storage: {URLS[0]}", encoding="utf-8")
    with pytest.raises(RadTuneError, match="storage: is an unknown key") as refused:
        load_study_file(path)
    assert SECRET not in str(refused.value)
