"""Put the package ``radtune_data`` into a wheel; all else is in ``pyproject.toml``."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PACKAGE = "radtune_data"
DOCSTRING = '"""The files that RadTune reads where the user has none."""\n'
FILES = (  # in MANIFEST.in too
    "config.yaml",
    "data/reference/*.json",
    "data/sanity/*.json",
    "data/training/*.json",
    "docs/dask.yaml",
    "studies/*.yaml",
)


class BuildWithData(build_py):
    """Build the packages, and one of copies of the checkout's files."""

    def run(self) -> None:
        """Build; an editable install reads the files where they are."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, PACKAGE)
        for pattern in FILES:
            for source in Path().glob(pattern):
                self.mkpath(str(folder / source.parent))
                self.copy_file(str(source), str(folder / source))
        (folder / "__init__.py").write_text(DOCSTRING, encoding="utf-8")


setup(cmdclass={"build_py": BuildWithData})
