"""Keep the paths of a study file inside the project, unless the user says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from support.installation import IS_CHECKOUT, PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Project:
    """The folder that the paths of a study file are relative to.

    Attributes
    ----------
    root : Path
        Absolute, without symbolic links.
    allow_outside : bool
        Whether paths may leave it.
    """

    root: Path
    allow_outside: bool = False

    @classmethod
    def of(cls, study_file: Path, *, allow_outside: bool = False) -> Project:
        """Return the checkout for a file that lies in it, else the current folder.

        The latter also for a file that an installed RadTune brings along: results go there.
        """
        is_ours = IS_CHECKOUT and _leads_into(PROJECT_ROOT, study_file)
        return cls(PROJECT_ROOT if is_ours else Path.cwd(), allow_outside)

    def locate(self, path: Path) -> Path:
        """Return the path as it is seen from the current folder.

        It stays as it is written where the current folder is the project's: a study that is
        stored so can go on in another copy of the project.

        Raises
        ------
        ValueError
            When it leaves the project: by ``..``, as an absolute path, through a symbolic link,
            or when it is a folder of which an entry does.
        """
        found = self.root / path
        if not self.allow_outside:
            for one in chain([found], _links_in(found)):
                if not _leads_into(self.root, one):
                    raise ValueError(
                        f"{_beside(one, path)} leads out of the project ({self.root}); "
                        "allow it with --allow-outside, or name a path inside"
                    )
        return path if Path.cwd() == self.root else found


def _leads_into(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # a symbolic link to itself leads nowhere
        return False


def _links_in(folder: Path) -> Iterator[Path]:
    """Yield the symbolic links of a folder; none of what is no folder that can be read."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    yield from (entry for entry in entries if entry.is_symlink())


def _beside(found: Path, written: Path) -> Path:
    """Return an entry of a folder as the study file would write it."""
    return written if found.name == written.name else written / found.name
