"""Run the command line as a user does, in a folder of its own."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from typing_extensions import override

from benchmarks.faults_ground import write_few
from scripts.run_training import main
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

N_RECORDS_PER_SITE = 150
COMMAND = (sys.executable, str(ROOT / "scripts" / "run_training.py"))


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found

    @property
    def error(self) -> str:
        """The one line of a user's mistake."""
        assert self.code not in (0, 3, 4), self.stdout
        assert "Traceback" not in self.stderr
        said = self.stderr.strip().splitlines()
        line = "\n".join(line for line in said if not line.startswith("facts of "))
        assert line.startswith("radtune: error: "), line
        assert "\n" not in line, line
        return line


class Cli:
    """A folder from which commands are run, each in a process, with data of few records."""

    def __init__(self, folder: Path, cache: Path, data: Path) -> None:
        self.folder = folder
        self.data = data
        self.environment = {
            **{k: v for k, v in os.environ.items() if k != "OPTUNA_STORAGE"},
            "RADTUNE_CACHE": str(cache),
        }

    def __call__(self, *arguments: str, **environment: str) -> Ran:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(
        self, *arguments: str, output: int = subprocess.DEVNULL, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=output,
            stderr=output,
            text=True,
        )

    def write(self, name: str, document: object) -> str:
        path = self.folder / name
        text = document if isinstance(document, str) else json.dumps(document)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def sql(self, statement: str, name: str = "training_sessions.db") -> list[tuple[Any, ...]]:
        """Ask a SQLite database of the folder, or change it."""
        with closing(sqlite3.connect(self.folder / name)) as database, database:
            return database.execute(statement).fetchall()


class CliHere(Cli):
    """Runs commands in the process of the tests: over in no time, and most need no more."""

    def __init__(
        self, folder: Path, cache: Path, data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        super().__init__(folder, cache, data)
        self._capsys = capsys

    @override
    def __call__(self, *arguments: str, **environment: str) -> Ran:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.delenv("OPTUNA_STORAGE", raising=False)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", [COMMAND[1], *arguments])
            self._capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        said = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, said.out, said.err)

    def asked(self, answer: str, *arguments: str) -> Ran:
        """Run a command that asks something."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(answer))
            return self(*arguments)


@pytest.fixture(scope="session")
def few_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first records of each of the nine shipped files."""
    folder = tmp_path_factory.mktemp("few") / "data"
    write_few(folder, N_RECORDS_PER_SITE)
    return folder


@pytest.fixture
def cli(
    tmp_path: Path, shared_cache: Path, few_data: Path, capsys: pytest.CaptureFixture[str]
) -> CliHere:
    """The command line, in the process of the tests."""
    return CliHere(tmp_path, shared_cache, few_data, capsys)


@pytest.fixture
def process_cli(tmp_path: Path, shared_cache: Path, few_data: Path) -> Cli:
    """The command line, each command in a process of its own."""
    return Cli(tmp_path, shared_cache, few_data)
