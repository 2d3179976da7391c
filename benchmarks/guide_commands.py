"""``make docs-output``: run the commands of README and guide again and write what they print.

A block that is fenced as ``console`` holds commands (``$ ``) and what they print, one fenced as
``python`` a script. Everything else is not run. Of an output with a line ``...`` only the lines
are written again that begin as the lines that are there. ``$ cat FILE`` makes a file that is not
there yet from what stands below it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from support.atomic_files import write_whole
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = (PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs" / "guide").glob("*.md")))
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CUT = "..."
_PROGRAMS = {  # stand-ins for what `make install` brings; nothing is installed here
    "python": 'exec "{python}" "$@"',
    "radtune": 'exec "{python}" "{root}/scripts/run_training.py" "$@"',
    "make": 'exec "{make}" -f "{root}/Makefile" -o .venv/.installed "RUN={here}" "$@"',
}
_SQLITE = """exec "{python}" -c '
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print(*row, sep="|")' "$@\""""
_KEPT_OR_EXPORTED = (0, 3, 4)
_NOT_PASSED_ON = (
    "OPTUNA_STORAGE",
    "DASK_SCHEDULER_ADDRESS",
    *("ARGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"),  # of a make that runs this
)


class Step(NamedTuple):
    """A command or a script of a page.

    Attributes
    ----------
    text : str
    is_script : bool
    said : tuple of str
        The lines that stand below the command.
    """

    text: str
    is_script: bool
    said: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[int, ...]:
        """Return the exit codes that the page promises."""
        return _KEPT_OR_EXPORTED if " optimize" in self.text else (0,)


def steps(block: re.Match[str]) -> Iterator[Step]:
    """Yield what a block holds."""
    kind, text = block.groups()
    if kind == "python":
        yield Step(text, is_script=True)
        return
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *said = part.rstrip("\n").split("\n")
        yield Step(command, is_script=False, said=tuple(said))


def blocks_of(page: Path) -> Iterator[re.Match[str]]:
    """Yield the blocks of a page that are run."""
    return _BLOCK.finditer(page.read_text(encoding="utf-8"))


class GuideFolder:
    """A folder with what a project has, in which the steps of a page are run.

    Parameters
    ----------
    folder : Path
        Empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = programs = folder / ".programs"
        programs.mkdir()
        (folder / "studies").mkdir()
        shutil.copy(PROJECT_ROOT / "config.yaml", folder)
        for study in (PROJECT_ROOT / "studies").glob("*.yaml"):
            shutil.copy(study, folder / "studies")
        wanted = _PROGRAMS if shutil.which("sqlite3") else _PROGRAMS | {"sqlite3": _SQLITE}
        for name, script in wanted.items():
            path = programs / name
            text = script.format(
                python=sys.executable,
                root=PROJECT_ROOT,
                make=shutil.which("make"),
                here=programs,
            )
            path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            path.chmod(0o755)
        self._environment = {
            "RADTUNE_CACHE": str(PROJECT_ROOT / ".local" / "cache"),
            **{k: value for k, value in os.environ.items() if k not in _NOT_PASSED_ON},
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT_ROOT),
        }

    def run(self, step: Step) -> subprocess.CompletedProcess[str]:
        """Run a step; what it prints on stderr stands between the rest."""
        made = re.fullmatch(r"cat (\S+)", step.text)
        if made and step.said:
            path = self.folder / made[1]
            path.write_text("\n".join(step.said) + "\n", encoding="utf-8")
        program = self._programs / "python" if step.is_script else "bash"
        return subprocess.run(  # noqa: S603 - what our own pages say
            [program, "-c", step.text],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def shown_again(said: tuple[str, ...], printed: list[str]) -> list[str]:
    """Return the lines to show in the place of those that are there.

    Raises
    ------
    ValueError
        When a line of an output that is cut is no longer printed.
    """
    if not said or _CUT not in said:
        return printed if said else []
    shown, rest = [], iter(printed)
    for line in said:
        if line == _CUT:
            shown.append(line)
            continue
        start = re.findall(r"[^\d:]*:?", line)[0]  # up to its first figure or colon
        again = next((new for new in rest if new.startswith(start)), None)
        if again is None:
            raise ValueError(f"no longer printed: {line!r}")
        shown.append(again)
    return shown


def run_page(page: Path) -> str:
    """Run a page and return it with what its commands print now.

    Raises
    ------
    ValueError
        When a command does not end as the page says.
    """
    with tempfile.TemporaryDirectory() as folder:
        guide = GuideFolder(Path(folder))

        def written(block: re.Match[str]) -> str:
            lines = []
            for step in steps(block):
                sys.stderr.write(f"{page.name}: {step.text.splitlines()[0]}\n")
                ran = guide.run(step)
                if ran.returncode not in step.codes:
                    raise ValueError(f"{page}: {step.text}: {ran.stdout}")
                lines += [f"$ {step.text}", *shown_again(step.said, ran.stdout.splitlines())]
            if block[1] == "python":
                return block[0]
            return "\n".join(["```console", *map(str.rstrip, lines), "```"])

        return _BLOCK.sub(written, page.read_text(encoding="utf-8"))


def main() -> None:
    """Run the pages that are named, or all."""
    for page in map(Path, sys.argv[1:]) if sys.argv[1:] else PAGES:
        write_whole(page, run_page(page))


if __name__ == "__main__":
    main()
