"""Every reader of a file, with real files to break and what must hold when one loads."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import optuna
import yaml
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

from engine.catalogue.index import CatalogueIndex
from engine.lookup import LookupEngine
from exchange.catalogues.nhs_json import load_catalogue
from exchange.maps.mapping import map_file
from objectives.bank.catalogue_cache import read_postings, read_slots
from objectives.bank.feature_bank import BankRecipe, load_or_build_bank
from objectives.cases.cases import load_cases
from objectives.cases.critical_errors import RowTruth
from objectives.cases.usage import Usage
from objectives.cases.usage_cache import read_counts
from objectives.configuration import load_configuration
from objectives.search_space import SearchSpace
from objectives.training.session_schema import check_sessions
from objectives.training.sessions import SessionIdentity, SessionStore
from objectives.validation import consistency, load_groups
from objectives.workspace import Workspace
from studies.calibrate import _with_section
from studies.config_selection import choose_configuration
from studies.definition.definition import StudyDefinition
from studies.definition.identity import DataHashes, claim, make_identity
from studies.definition.options import OptimizationConfig
from studies.export import check_output
from studies.gate.looks import count_looks
from studies.storage.database import open_storage, quiet_optuna, translated_errors
from studies.storage.trial_records import (
    check_records,
    reading,
    to_record,
    weight_distributions,
    weights_of_record,
)
from studies.trial import Trial
from studies.warm_start import read_warm_start
from support.executors import ThisProcess
from tests.conftest import ROOT
from tests.faults_tests.mutations import Content, documents, lines, settings_files, tables
from tests.objectives_tests.training.test_sessions import RESULT
from tests.studies_tests.storage.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from objectives.cases.cases import Case
    from objectives.configuration import Configuration
    from support.errors import RadTuneError

N_ROWS, N_CASES, CHUNK = 40, 12, 5
OLD_OUTPUT = "an earlier output\n"

_COLUMNS = ("exam_name", "modality", "study_description", "status", "extra_cells")
_TEXTS = ("Y", "N", "", "CT Head", "CT", "NORTHMOOR", "left", "none", "EXAM_NAME", "4.50")


class Reader(NamedTuple):
    """A reader of one kind of file.

    Attributes
    ----------
    name : str
    path : Path
        Where the file has to be.
    seeds : tuple of bytes
        Real files.
    made : strategy
        Files that Hypothesis makes.
    read : callable
        Reads the file; raises RadTuneError, or AssertionError when what it read must not be
        believed.
    refused : callable
        Called when it was refused; raises AssertionError when something was overwritten.
    share : int
        How many inputs it gets, relative to the others.
    before : callable
        Called before the file is laid in its place.
    """

    name: str
    path: Path
    seeds: tuple[Content, ...]
    made: st.SearchStrategy[Content]
    read: Callable[[], object]
    refused: Callable[[RadTuneError], object] = lambda _: None
    share: int = 4
    before: Callable[[], object] = lambda: None


def all_readers(folder: Path) -> list[Reader]:
    """Set up the readers in a folder, which is the current one and has ``cache`` for caches."""
    world = _World(folder)
    return [
        *_configurations(world),
        _study_file(world),
        *_documents(world),
        *_name_files(world),
        *_caches(world),
        *_databases(world),
    ]


class _World:
    """A small catalogue with its cases, index and engine, read from the shipped files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = load_configuration(ROOT / "config.yaml")
        self.workspace = Workspace(self.config, training_dir=folder / "none")
        self.catalogue = _records(ROOT / "data/reference/NHS.json")[:N_ROWS]
        (folder / "NHS.json").write_bytes(_written(self.catalogue))
        self.rows = load_catalogue(folder / "NHS.json")
        self.index = CatalogueIndex(self.rows, self.config.retrieval)
        self.usage = Usage(len(self.rows), {})
        top_k = self.config.retriever_top_k
        self.engine = LookupEngine(self.index, self.config.judgement, top_k, self.usage.everywhere)
        self.cases = _records(min((ROOT / "data/training").glob("*.json")))[:N_CASES]
        for case, row in zip(self.cases, self.rows, strict=False):
            case["EXPECTED_NAME"] = row.preferred_name
        (folder / "v2.json").write_bytes(_written(self.cases))
        self.names = frozenset(row.preferred_name for row in self.workspace.rows)
        self.recipe = BankRecipe(self.index, self.usage, top_k, "a catalogue")


def _records(path: Path) -> list[dict[str, object]]:
    records: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return records


def _written(document: object) -> Content:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def _configurations(world: _World) -> list[Reader]:
    text = (ROOT / "config.yaml").read_bytes()
    shipped = yaml.safe_load(text)
    data = {"catalogue": "0" * 64, "cases": {"v2.json": "0" * 64}}
    provenance = {
        "study": "s",
        "engine": "0" * 64,
        "baseline_configuration": world.config.sha256,
        "data": data,
    }
    exported = {**shipped, "provenance": provenance}
    plain, optimized = world.folder / "own.yaml", world.folder / "optimized_config.yaml"

    def read_plain() -> None:
        config = load_configuration(plain)
        again = world.folder / "again.yaml"
        again.write_text(_with_section(plain, config.calibration), encoding="utf-8")
        assert load_configuration(again) == config

    def read_export() -> None:
        choose_configuration([world.folder / "v2.json"], None)
        check_output(optimized, ROOT / "config.yaml")

    made = settings_files(shipped)
    of_export = settings_files(exported)
    return [
        Reader("config.yaml", plain, (text, _written(shipped)), made, read_plain, share=8),
        Reader(
            "optimized_config.yaml",
            optimized,
            (yaml.safe_dump(exported, sort_keys=False).encode(),),
            of_export,
            read_export,
        ),
    ]


def _study_file(world: _World) -> Reader:
    """Read a study file as ``optimize`` does, and its definition as a worker does."""
    path, baseline = world.folder / "night.yaml", world.folder / "baseline.yaml"
    shutil.copy(ROOT / "config.yaml", baseline)
    text = (ROOT / "studies/every-key.yaml").read_text(encoding="utf-8")
    text = text.replace("config: config.yaml", f"config: {baseline.name}")
    shipped = yaml.safe_load(text)

    def read() -> None:
        definition = OptimizationConfig(study_file=path).definition()
        stored = json.loads(json.dumps(definition.as_document()))
        assert StudyDefinition.from_document(stored) == definition

    seeds = (text.encode(), _written(shipped))
    return Reader("studies/NAME.yaml", path, seeds, settings_files(shipped), read)


def _documents(world: _World) -> list[Reader]:
    folder = world.folder
    catalogue, slots = folder / "other_NHS.json", folder / "slots.json"
    cases, case_lines = folder / "cases.json", folder / "cases.jsonl"
    sanity, groups = folder / "sanity.json", folder / "groups.json"
    truths = json.loads((ROOT / "data/reference/slots.json").read_text(encoding="utf-8"))
    own = {row.preferred_name: truths[row.preferred_name] for row in world.rows}
    sets = _records(ROOT / "data/sanity/sanity_test.json")
    written = _records(ROOT / "data/sanity/consistency_groups.json")
    in_lines = b"\n".join(json.dumps(case).encode() for case in world.cases)
    known = load_cases([folder / "v2.json"], world.names).cases
    of_cases = documents(world.cases, _TEXTS)
    return [
        Reader(
            "catalogue",
            catalogue,
            (_written(world.catalogue), (ROOT / "data/reference/NHS.json").read_bytes()),
            documents(world.catalogue, _TEXTS),
            lambda: load_catalogue(catalogue),
        ),
        Reader(
            "slots.json",
            slots,
            (_written(own),),
            documents(list(own.values()), _TEXTS, list(own)),
            lambda: RowTruth(world.rows, world.index.slots, slots),
        ),
        Reader(
            "cases (JSON)",
            cases,
            (_written(world.cases),),
            of_cases,
            lambda: load_cases([cases], world.names),
        ),
        Reader(
            "cases (JSON Lines)",
            case_lines,
            (in_lines,),
            lines(world.cases, _TEXTS),
            lambda: load_cases([case_lines], world.names),
        ),
        Reader(
            "sanity set",
            sanity,
            (_written(sets),),
            documents(sets, _TEXTS),
            lambda: world.workspace.load_sanity(sanity),
        ),
        Reader(
            "consistency groups",
            groups,
            (_written(written),),
            documents(written, _TEXTS),
            lambda: consistency(known, load_groups(groups)),
        ),
    ]


def _name_files(world: _World) -> list[Reader]:
    records = [
        {"exam_name": case["EXAM_NAME"], "modality": case["MODALITY_CODE"], "cost": 4.50}
        for case in world.cases
    ]
    table = "exam_name,modality,cost\n" + "".join(
        f'"{one["exam_name"]}";{one["modality"]};4.50\n'.replace(";", ",") for one in records
    )
    in_lines = b"\n".join(json.dumps(one).encode() for one in records)
    of_json = documents(records, _TEXTS)
    in_utf_16 = table.replace(",", ";").encode("utf-16")
    seeds = {
        "names.csv": ((table.encode(), in_utf_16), tables(_COLUMNS)),
        "names.json": ((_written(records),), of_json),
        "names.jsonl": ((in_lines,), lines(records, _TEXTS)),
    }
    found = [
        _mapping(world, world.folder / name, real, made) for name, (real, made) in seeds.items()
    ]
    return [*found, _resumed(world, table)]


def _mapping(
    world: _World, source: Path, seeds: tuple[Content, ...], made: st.SearchStrategy[Content]
) -> Reader:
    output = source.with_name(f"answers of {source.name}.jsonl")
    output.write_text(OLD_OUTPUT, encoding="utf-8")

    def read() -> None:
        run = map_file(world.engine, source, output, file_format="jsonl", configuration="c")
        with output.open(encoding="utf-8") as file:
            assert [json.loads(line)["status"] for line in file].count("") == 0
        assert sum(run.statuses.values()) == run.n_records > 0
        output.write_text(OLD_OUTPUT, encoding="utf-8")

    def refused(_: RadTuneError) -> None:
        assert output.read_text(encoding="utf-8") == OLD_OUTPUT

    return Reader(f"names ({source.suffix[1:]})", source, seeds, made, read, refused)


def _resumed(world: _World, table: str) -> Reader:
    """Resume a mapping that was stopped after its last record, by its state file."""
    source, output = world.folder / "resumed.csv", world.folder / "resumed.jsonl"
    source.write_text(table, encoding="utf-8")
    partial = output.with_name(f"{output.name}.partial")
    state = output.with_name(f"{output.name}.partial.json")
    kept: list[Content] = []

    def keep(_: int) -> None:
        if state.exists():
            kept[:] = [partial.read_bytes(), state.read_bytes()]

    settings = {"file_format": "jsonl", "configuration": "c"}
    map_file(world.engine, source, output, **settings, on_records=keep)  # type: ignore[arg-type]
    whole = output.read_bytes()
    answers, seed = kept

    def read() -> None:
        partial.write_bytes(answers)
        output.write_text(OLD_OUTPUT, encoding="utf-8")
        map_file(world.engine, source, output, **settings, resume=True)  # type: ignore[arg-type]
        assert output.read_bytes() == whole

    def refused(_: RadTuneError) -> None:
        assert output.read_text(encoding="utf-8") == OLD_OUTPUT

    return Reader("state of map --resume", state, (seed,), st.binary(), read, refused, share=2)


def _caches(world: _World) -> list[Reader]:
    cache = world.folder / "cache"
    cases = load_cases([world.folder / "v2.json"], world.names).cases
    sites = tuple(world.config.split.tuning)
    slots = read_slots(world.rows, "a catalogue")
    (of_slots,) = _newest(cache, "slots-*")
    postings = read_postings(slots, (2, 4), "a catalogue")
    (of_postings,) = _newest(cache, "ngrams-*")
    counts = read_counts(world.rows, [world.folder / "v2.json"], sites, "a catalogue")
    (of_counts,) = _newest(cache, "usage-*")
    bank = [
        array.copy() for array in load_or_build_bank(cases, world.recipe, CHUNK, ThisProcess())
    ]
    (of_bank,) = _newest(cache, "bank-*")

    def check_slots() -> None:
        assert read_slots(world.rows, "a catalogue") == slots

    def check_postings() -> None:
        found = read_postings(slots, (2, 4), "a catalogue")
        assert found.ngrams == postings.ngrams
        assert same_arrays(found[1:], postings[1:])

    def check_counts() -> None:
        found = read_counts(world.rows, [world.folder / "v2.json"], sites, "a catalogue")
        assert all(np.array_equal(found[site], counts[site]) for site in sites)

    def check_bank() -> None:
        found = load_or_build_bank(cases, world.recipe, CHUNK, ThisProcess())
        assert same_arrays(found, bank)

    def in_bank(name: str) -> Reader:
        path = of_bank / name
        return Reader(f"bank ({name})", path, (path.read_bytes(),), st.binary(), check_bank)

    return [
        *(
            Reader(f"cache of {name}", path, (path.read_bytes(),), st.binary(), check, share=2)
            for name, path, check in (
                ("row slots", of_slots, check_slots),
                ("n-grams", of_postings, check_postings),
                ("usage", of_counts, check_counts),
            )
        ),
        *(in_bank(name)._replace(share=1) for name in ("manifest.json", "features.npy")),
        *_stopped_builds(world, cases, of_bank, check_bank),
    ]


def _stopped_builds(
    world: _World, cases: Sequence[Case], bank: Path, check: Callable[[], object]
) -> list[Reader]:
    """Go on with the build of a bank that was stopped after two chunks of three."""
    building, kept = bank.with_name(f"building-{bank.name}"), world.folder / "stopped"

    def stop(n_done: int, _n_cases: int) -> None:
        if n_done >= 2 * CHUNK:
            raise KeyboardInterrupt

    shutil.rmtree(bank)
    with suppress(KeyboardInterrupt):
        load_or_build_bank(cases, world.recipe, CHUNK, ThisProcess(), stop)
    shutil.copytree(building, kept)

    def restore() -> None:
        for folder in (bank, building):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, building)

    return [
        Reader(
            f"stopped build ({name})",
            building / name,
            ((kept / name).read_bytes(),),
            st.binary(),
            check,
            share=1,
            before=restore,
        )
        for name in ("chunks.jsonl", "features.npy")
    ]


def same_arrays(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def _newest(cache: Path, pattern: str) -> list[Path]:
    return sorted(cache.glob(pattern), key=lambda path: path.stat().st_mtime_ns)[-1:]


def _databases(world: _World) -> list[Reader]:
    path = world.folder / "studies.db"
    url = f"sqlite:///{path}"
    hashes = DataHashes("c", "s", "t", "u", {})
    identity = make_identity(OptimizationConfig().definition(), hashes)

    def read() -> None:
        with quiet_optuna(), translated_errors(url):
            storage = open_storage(url)
            try:
                study = optuna.create_study(
                    storage=storage, study_name="s", direction="maximize", load_if_exists=True
                )
                claim(study, identity)
                count_looks(study)
                read_warm_start(study)
                with reading("s"):
                    records = study.get_trials(deepcopy=False)
                check_records("s", records)
                for record in records:
                    weights_of_record(record)
            finally:
                storage.engine.dispose()

    def make() -> None:
        read()
        storage = open_storage(url)
        write(storage, [_trial(world.config)] * 3, "s")
        storage.engine.dispose()

    seed = _bytes_of(path, make)
    seeds = (seed, *(_bytes_of(world.folder / "other.db", None, made) for made in _OTHERS))
    sessions = world.folder / "sessions.db"
    of_sessions = f"sqlite:///{sessions}"

    def open_sessions() -> None:
        check_sessions(of_sessions)
        with SessionStore(of_sessions) as store:
            opened = store.open(_SESSION, N_CASES, 0, resume=True)
            if opened.n_done == 0:
                store.write_block(opened.session_id, 0, [RESULT] * 3, 1.0)
            store.read_results(opened.session_id, range(3))
            store.interrupt(opened.session_id, 1.0)

    real = _bytes_of(sessions, open_sessions)
    return [
        Reader("database of studies", path, seeds, st.binary(), read, share=1),
        Reader(
            "database of sessions",
            sessions,
            (real, *seeds),
            st.binary(),
            open_sessions,
            share=1,
        ),
    ]


def _trial(config: Configuration) -> FrozenTrial:
    now = datetime.now()  # noqa: DTZ005 - Optuna stores local times
    failed = Trial(
        config.weights,
        {"x": 0.5},
        "line_search: x",
        state=TrialState.FAIL,
        rungs={0: 0.5},
        started=now,
        ended=now,
    )
    return to_record(failed, weight_distributions(SearchSpace(config.study.bounds)), {})


_SESSION = SessionIdentity("malformed", "d", "c", "e")
_OTHERS = (
    ("create table patients (id integer)",),
    ("create table studies (id integer)", "create table trials (name text)"),
    ("create table training_sessions (id integer, name text)",),
    ("create table version_info (version_info_id integer, schema_version integer)",),
    (
        "create table version_info (library_version text)",
        "create table alembic_version (version_num text)",
        "insert into alembic_version values ('x')",
    ),
)


def _bytes_of(
    path: Path, make: Callable[[], object] | None, statements: tuple[str, ...] = ()
) -> Content:
    if make:
        make()
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    content = path.read_bytes()
    remove(path)
    return content


def remove(path: Path) -> None:
    """Remove a file, folder, link or pipe, and what SQLite keeps beside it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    for end in ("-wal", "-shm", "-journal", ".lock"):
        path.with_name(path.name + end).unlink(missing_ok=True)
