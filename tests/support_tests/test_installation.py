from __future__ import annotations

from typing import TYPE_CHECKING

from support.installation import BUILTIN_FILES, DASK_SETTINGS, IS_CHECKOUT, builtin_files
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_a_checkout_has_the_built_in_files_where_they_are_written() -> None:
    assert IS_CHECKOUT
    assert ROOT == BUILTIN_FILES
    assert DASK_SETTINGS.is_file()


def test_an_installed_package_has_them_beside_its_code(tmp_path: Path) -> None:
    assert builtin_files(tmp_path) == tmp_path
    (tmp_path / "radtune_data").mkdir()
    assert builtin_files(tmp_path) == tmp_path / "radtune_data"
