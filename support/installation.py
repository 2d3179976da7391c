"""Where this RadTune is installed, which version it is, and the files that it brings along."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent  # the checkout, or site-packages


def builtin_files(root: Path) -> Path:
    """Return the folder of the files that RadTune reads where the user has none.

    Parameters
    ----------
    root : Path
        The folder that RadTune's packages are in.

    Returns
    -------
    Path
        The package ``radtune_data`` that ``setup.py`` puts into a wheel, else `root`: a checkout
        has the same files at the same places.
    """
    of_wheel = root / "radtune_data"
    return of_wheel if of_wheel.is_dir() else root


BUILTIN_FILES = builtin_files(PROJECT_ROOT)
IS_CHECKOUT = BUILTIN_FILES == PROJECT_ROOT
DASK_SETTINGS = BUILTIN_FILES / "docs" / "dask.yaml"


def installed_version() -> str:
    """Return the version of the installed package, ``not installed`` when there is none."""
    try:
        return version("radtune")
    except PackageNotFoundError:
        return "not installed"
