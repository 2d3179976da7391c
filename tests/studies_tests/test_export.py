from __future__ import annotations

from typing import TYPE_CHECKING

from studies.export import set_aside

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_export_is_set_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "optimized_config.yaml"
    path.write_text("weights", encoding="utf-8")
    aside = set_aside(path)
    assert aside is not None
    assert aside.read_text(encoding="utf-8") == "weights"
    # another run of the study has been faster since it was looked for
    monkeypatch.setattr(type(path), "exists", lambda _: True)
    assert set_aside(path) is None
