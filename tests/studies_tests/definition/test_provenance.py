from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from studies.definition import provenance
from studies.definition.provenance import code_version, command_line

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t"  # noqa: S105 - made up
URL = f"postgresql+psycopg://me:{SECRET}@localhost:1/db?sslpassword={SECRET}&a=b"


@pytest.mark.parametrize(
    ("argument", "hidden"),
    [
        (URL, "postgresql+psycopg://me:***@localhost:1/db?sslpassword=***&a=b"),
        (f"--storage={URL}", "--storage=postgresql+psycopg://me:***@localhost:1/db"),
        (f"postgresql://me:my {SECRET}@h/db", "postgresql://me:***@h/db"),
        (f"postgresql://me@h/db?password=my {SECRET}", "postgresql://me@h/db?password=***"),
        ("studies/my night.yaml", "studies/my night.yaml"),
    ],
)
def test_the_command_line_is_told_without_its_password(
    argument: str, hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["radtune", "optimize", argument])
    told = command_line()
    assert told[:2] == ["radtune", "optimize"]
    assert told[2].startswith(hidden)
    assert SECRET not in told[2]


def test_the_version_of_the_code_changes_with_any_of_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_version().startswith(f"{version('radtune')} sha256:")
    for package in ("engine/vocabulary", "exchange", "scripts", "support"):
        (tmp_path / package).mkdir(parents=True)
    monkeypatch.setattr(provenance, "PROJECT_ROOT", tmp_path)
    seen = set()
    sources = ("engine/a.py", "engine/vocabulary/b.toml", "exchange/c.py", "support/d.py")
    for n_changes, name in enumerate((*sources, "scripts/e.txt"), start=1):
        (tmp_path / name).write_text("x", encoding="utf-8")
        code_version.cache_clear()
        seen.add(code_version())
        assert len(seen) == min(n_changes, len(sources))
    code_version.cache_clear()
