"""A full disk: one line that says what to do, what was there stays whole, and the way out works.

The disk is a small tmpfs where the tests may mount one (root); elsewhere a limit on the size of
files stands in.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.atomic_files import write_whole
from support.errors import InputFileError
from tests.conftest import ROOT
from tests.scripts_tests.conftest import COMMAND, Cli
from tests.scripts_tests.test_optimize import poor_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripts_tests.conftest import Ran

SIZE = 32 << 20  # bytes
_FILLER = "filler"
FULL = "No space left on device"


class Disk:
    """A file system of `SIZE` bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave(self, n_bytes: int) -> None:
        """Fill it until only so many bytes are free."""
        self.make_room()
        free = shutil.disk_usage(self.folder).free
        (self.folder / _FILLER).write_bytes(b"x" * (free - n_bytes))

    def make_room(self) -> None:
        (self.folder / _FILLER).unlink(missing_ok=True)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {_FILLER}


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder],
        check=False,
        capture_output=True,
    )
    if not made or made.returncode:
        pytest.skip("no tmpfs may be mounted here; the tests with a limit on file sizes run")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.process
def test_a_bank_that_does_not_fit_is_not_begun(cli: Cli, disk: Disk) -> None:
    cache = str(disk.folder)
    assert cli("validate", RADTUNE_CACHE=cache).code == 0  # what else is kept fits
    whole = disk.files()
    (bank,) = (name for name in whole if name.startswith("bank-"))
    shutil.rmtree(disk.folder / bank)
    disk.leave(100_000)
    error = cli("validate", RADTUNE_CACHE=cache).error
    assert error == (
        f"radtune: error: {cache}: the cache cannot be written ({FULL}); make room, or set "
        "RADTUNE_CACHE to a folder that can"
    )
    assert disk.files() == whole - {bank}
    disk.make_room()
    assert cli("validate", RADTUNE_CACHE=cache).code == 0
    assert disk.files() == whole


@pytest.mark.parametrize("n_bytes", [0, 4096, 60_000])
@pytest.mark.process
def test_a_cache_that_does_not_fit_is_no_cache(cli: Cli, disk: Disk, n_bytes: int) -> None:
    disk.leave(n_bytes)
    error = cli("lookup", "CT Head", RADTUNE_CACHE=str(disk.folder)).error
    assert FULL in error
    assert "make room" in error
    assert disk.files() == set()


@pytest.mark.process
def test_a_mapping_that_does_not_fit_goes_on_when_there_is_room(cli: Cli, disk: Disk) -> None:
    lines = [f"{i},CT Head {i},CT" for i in range(9000)]
    cli.write("in.csv", "\n".join(["row,exam_name,modality", *lines, ""]))
    options = ("map", "--input", "in.csv", "--max-workers", "1", "--output")
    assert cli(*options, "whole.csv").code == 0
    whole = (cli.folder / "whole.csv").read_bytes()
    output = disk.folder / "out.csv"
    output.write_text("an earlier output")
    disk.leave(len(whole) // 2)
    error = cli(*options, str(output)).error
    assert f"{output}.partial: cannot be written ({FULL}); make room, then run" in error
    assert "--resume" in error
    assert output.read_text() == "an earlier output"
    assert disk.files() == {"out.csv", "out.csv.partial", "out.csv.partial.json"}
    disk.make_room()
    resumed = cli(*options, str(output), "--resume")
    assert resumed.code == 0, resumed.stderr
    assert "records were kept from the interrupted run" in resumed.stderr
    assert output.read_bytes() == whole
    assert disk.files() == {"out.csv"}


def optimize(cli: Cli, *options: str) -> Ran:
    return cli("optimize", "--dataset-dir", str(cli.data), "--json", *options)


@pytest.mark.process
def test_an_export_that_does_not_fit_leaves_the_earlier_one(cli: Cli, disk: Disk) -> None:
    output = disk.folder / "optimized_config.yaml"
    poor = poor_configuration(cli)
    options = ("--output", str(output), "--max-experiments", "8", "--config", poor)
    first = optimize(cli, *options)
    assert first.code == 0, "the gain of this study must be credible, or nothing is written"
    earlier = output.read_bytes()
    disk.leave(0)
    ran = optimize(cli, *options)
    assert ran.code == 1
    assert ran.stderr.splitlines()[-1] == (
        f"radtune: error: {output}: cannot be written ({FULL}); make room, then run the same again"
    )
    assert output.read_bytes() == earlier
    assert disk.files() == {output.name}
    disk.make_room()
    again = optimize(cli, *options)
    assert again.code == 0
    assert again.document["n_new_trials"] == 0
    assert again.document["held_out"] == first.document["held_out"]


@pytest.mark.process
def test_a_study_that_does_not_fit_keeps_what_it_has_and_goes_on(cli: Cli, disk: Disk) -> None:
    path = disk.folder / "studies.db"
    options = ("--storage", f"sqlite:///{path}", "--strategy", "random_search")
    assert optimize(cli, *options, "--max-experiments", "3").code in (0, 3, 4)
    disk.leave(150_000)
    ran = optimize(cli, *options, "--max-experiments", "2000")
    assert ran.code == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-1] == (
        f"radtune: error: sqlite:///{path}: the database cannot be used (database or disk is "
        "full); make room, then run the same again"
    )
    n_kept = consistent_trials(path)
    assert 3 <= n_kept < 2000
    disk.make_room()
    ran = optimize(cli, *options, "--max-experiments", str(n_kept + 5))
    assert ran.code in (0, 3, 4), ran.stderr
    assert ran.document["n_new_trials"] == 5
    assert consistent_trials(path) == n_kept + 5


def consistent_trials(path: Path) -> int:
    """Count the trials of a database that is sound: numbered without a gap, none half done."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        trials = connection.execute("SELECT number, state FROM trials ORDER BY number").fetchall()
        n_params = connection.execute(
            "SELECT COUNT(*) FROM trial_params GROUP BY trial_id"
        ).fetchall()
    finally:
        connection.close()
    assert [number for number, _ in trials] == list(range(len(trials)))
    assert {state for _, state in trials} <= {"COMPLETE", "PRUNED"}
    assert len(n_params) == len(trials)
    assert len(set(n_params)) == 1
    return len(trials)


@pytest.mark.parametrize("n_bytes", [0, 50_000, 150_000])
@pytest.mark.process
def test_a_session_that_does_not_fit_goes_on_when_there_is_room(
    n_bytes: int, cli: Cli, disk: Disk
) -> None:
    path = disk.folder / "sessions.db"
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    here = "sqlite:///training_sessions.db"
    assert here in text
    own = cli.write("own.yaml", text.replace(here, f"sqlite:///{path}"))
    options = ("--dataset-dir", str(cli.data), "--checkpoint-interval", "100", "--json")
    whole = cli("train", "--config", str(ROOT / "config.yaml"), *options).document
    disk.leave(n_bytes)
    ran = cli("train", "--config", own, *options)
    assert ran.code == 1
    assert "Traceback" not in ran.stderr
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"radtune: error: sqlite:///{path}: the database cannot be used (")
    assert "make room, then run the same again" in last
    disk.make_room()
    again = cli("train", "--config", own, *options)
    assert again.code == 0, again.stderr
    changes = {"config", "config_reason", "session_id", "log"}
    changes |= {"total_processing_time_s", "cases_per_s"}
    assert {name for name in whole if again.document[name] != whole[name]} <= changes
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (n_results,) = connection.execute("SELECT COUNT(*) FROM training_results").fetchone()
    connection.close()
    assert n_results == whole["processed_cases"]


@pytest.mark.process
def test_a_configuration_that_does_not_fit_is_not_calibrated(cli: Cli, disk: Disk) -> None:
    path = disk.folder / "own.yaml"
    path.write_bytes((ROOT / "config.yaml").read_bytes())
    disk.leave(0)
    error = cli("calibrate", "--config", str(path), "--dataset-dir", str(cli.data)).error
    assert f"{path}: cannot be written ({FULL})" in error
    assert path.read_bytes() == (ROOT / "config.yaml").read_bytes()
    assert disk.files() == {path.name}


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes: what stands in for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_beyond_the_limit_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write_whole(path, "earlier")
    with (
        files_of_at_most(1000),
        pytest.raises(InputFileError, match=r"cannot be written \(File too large\); make room"),
    ):
        write_whole(path, "x" * 2000)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.process
def test_a_bank_beyond_the_limit_is_one_line(cli: Cli, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "validate"],
        cwd=cli.folder,
        env={**cli.environment, "RADTUNE_CACHE": str(tmp_path / "own")},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("radtune: error: ")
    assert "File too large" in done.stderr
    assert list((tmp_path / "own").iterdir()) == []


def test_who_may_read_an_old_file_may_read_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    write_whole(path, "1")
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    path.chmod(0o600)
    write_whole(path, "2")
    assert path.stat().st_mode & 0o777 == 0o600


def _umask() -> int:
    with Path("/proc/self/status").open(encoding="ascii") as lines:
        return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))
