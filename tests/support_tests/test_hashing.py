"""The engine's hash sees every byte of the engine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from support.engine_version import engine_sha256
from support.hashing import sha256_of_folder
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_a_byte_in_any_file_of_the_engine_changes_its_hash(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    shutil.copytree(ROOT / "engine", engine, ignore=shutil.ignore_patterns("__pycache__"))
    files = [path for path in engine.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert len({path.parent for path in files}) > 5
    hashes = {sha256_of_folder(engine)}
    assert hashes == {engine_sha256()}
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        hashes.add(sha256_of_folder(engine))
        path.write_bytes(before)
    assert len(hashes) == 1 + len(files)


def test_a_moved_file_changes_the_hash_and_what_python_compiled_does_not(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("")
    first = sha256_of_folder(tmp_path)
    (tmp_path / "room" / "__pycache__").mkdir()
    (tmp_path / "room" / "__pycache__" / "a.pyc").write_text("compiled")
    assert sha256_of_folder(tmp_path) == first
    (tmp_path / "room" / "a.py").rename(tmp_path / "a.py")
    assert sha256_of_folder(tmp_path) != first
