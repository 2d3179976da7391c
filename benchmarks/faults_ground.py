"""Small studies, the processes that run them, and a witness: for those who disturb them.

Whatever is not as it should be is raised as `FaultError`.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
import yaml

from studies.storage.ownership import StudyTakenError
from studies.storage.study_table import STUDIES, StudyState
from support.errors import ComputeError
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = PROJECT_ROOT / "docs" / "reliability.md"
EXIT_INTERRUPTED, EXIT_TAKEN, EXIT_ALONE = 130, StudyTakenError.exit_code, ComputeError.exit_code
GATE_CODES = (0, 3, 4)  # exported, no credible gain, more critical errors
FOREVER = 1_000_000  # trials: a budget that is not met
STOPPED = "radtune: interrupted; "
AWAY = "the database is away"
_ROOT = str(PROJECT_ROOT)
_PROGRAM = (sys.executable, str(PROJECT_ROOT / "scripts" / "run_training.py"))
_NOT_INHERITED = ("OPTUNA_STORAGE", "DASK_SCHEDULER_ADDRESS", "RADTUNE_CACHE")
_NOTED = (sys.executable, "-m", "benchmarks.faults_program")
_N_RECORDS_PER_SITE = 60
_SMALL = {  # so that banks have some chunks, and trials some shards
    "chunk_size: 1000": "chunk_size: 40",
    "least_cases: 1000000": "least_cases: 0",
    "cases_per_shard: null": "cases_per_shard: 30",
}
_PATIENCE_S = 180.0  # for anything that is waited for
_LOOK_AGAIN_S = 0.02
_OPTUNA = {  # its tables, as far as they are looked at
    name: sa.table(name, *map(sa.column, columns.split()))
    for name, columns in {
        "studies": "study_id study_name",
        "trials": "trial_id study_id number state",
        "trial_values": "trial_id value",
        "trial_params": "trial_id param_name param_value",
    }.items()
}
_TRIALS, _VALUES, _PARAMS = (
    _OPTUNA[name].c for name in ("trials", "trial_values", "trial_params")
)


class FaultError(RuntimeError):
    """Something was lost, is there twice, or did not end as it should."""


class Seen(NamedTuple):
    """A trial as the database has it, times apart; parameters in the order of their names."""

    state: str
    value: float | None
    params: tuple[tuple[str, float], ...]


class Notes(NamedTuple):
    """How far the coordinator in a process is, by its own account.

    Attributes
    ----------
    n_known : int
        Trials that it found when it began.
    n_run : int
        Trials there are now, those that it has in hand included.
    n_written : int
        Those that it knows to be in the database.
    is_writing : bool
        Whether trials are being written.
    """

    n_known: int
    n_run: int
    n_written: int
    is_writing: bool

    def packed(self) -> bytes:
        """Return them as they stand in a file."""
        return struct.pack("<qqq?", *self)

    @classmethod
    def of(cls, file: Path) -> Notes:
        """Read them; zeros before there is any."""
        packed = file.read_bytes() if file.exists() else b""
        n_known, n_run, n_written, is_writing = struct.unpack("<qqq?", packed or bytes(25))
        return cls(n_known, n_run, n_written, is_writing)

    @property
    def has_in_hand(self) -> bool:
        """Whether it has run trials that are not yet written, as far as it knows."""
        return self.n_run > self.n_written


class Ground:
    """A folder with the first records of each site, and a cache that knows them.

    Parameters
    ----------
    folder : Path
        Must exist.
    n_records_per_site : int
    """

    def __init__(self, folder: Path, n_records_per_site: int = _N_RECORDS_PER_SITE) -> None:
        self.folder = folder
        self._n_processes = self._n_caches = 0
        self._undisturbed: dict[str, int] = {}  # trials that were asked for
        write_few(folder / "data", n_records_per_site)
        config = (PROJECT_ROOT / "config.yaml").read_text(encoding="utf-8")
        for usual, small in _SMALL.items():
            if usual not in config:
                raise FaultError(f"config.yaml has no line {usual!r} any more")
            config = config.replace(usual, small)
        (folder / "config.yaml").write_text(config, encoding="utf-8")
        self.expected("tpe", 1)  # the cache knows all that a study needs

    def sqlite(self, name: str) -> str:
        """Return the URL of a database file of this folder."""
        return f"sqlite:///{self.folder / name}.db"

    def expected(self, strategy: str, n_trials: int) -> list[Seen]:
        """Return the first trials of a study that nobody disturbs, fewer if it ends sooner."""
        url = self.sqlite(f"undisturbed-{strategy}")
        with Witness(url, strategy) as witness:
            if self._undisturbed.get(strategy, 0) < n_trials:
                self.submit(url, strategy, n_trials, strategy)
                self.worker(url, strategy).wait_for_end(0)
                self._undisturbed[strategy] = n_trials
            witness.look()
            return witness.trials[:n_trials]

    def submit(self, url: str, name: str, n_trials: int, strategy: str = "tpe") -> None:
        """Submit a study, or let it go on with another budget."""
        document = {"strategy": strategy, "pruner": "none", "data": {"training_dir": "data"}}
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        given = ("--storage", url, "--max-experiments", str(n_trials))
        self.start("submit", file.name, *given).wait_for_end(0)

    def finish(self, url: str, witness: Witness, n_more: int = 60) -> int:
        """Let a worker finish a study of TPE, with some more trials; return how many there are."""
        n_trials = witness.look() + n_more
        self.submit(url, witness.name, n_trials)
        self.worker(url, witness.name).wait_for_end(0)
        witness.check(self.expected("tpe", n_trials))
        return n_trials

    def worker(self, url: str, name: str, *, set_back_at: int = -1) -> Process:
        """Start a worker that runs one study."""
        given = ("--storage", url, "--study", name)
        return self.start("worker", *given, is_noted=True, set_back_at=set_back_at)

    def optimize(
        self,
        url: str,
        name: str,
        n_trials: int,
        *options: str,
        strategy: str = "tpe",
        cache: Path | None = None,
    ) -> Process:
        """Start a study, or the same again."""
        study = ("--study-name", name, "--strategy", strategy, "--pruner", "none")
        data = ("--storage", url, "--dataset-dir", "data", "--max-experiments", str(n_trials))
        return self.start("optimize", *study, *data, *options, is_noted=True, cache=cache)

    def cache_without_banks(self) -> Path:
        """Make a cache that knows the catalogue, but no cases."""
        self._n_caches += 1
        cache = self.folder / f"cache-{self._n_caches}"
        ignored = shutil.ignore_patterns("*bank-*")
        shutil.copytree(self.folder / "cache", cache, ignore=ignored)
        return cache

    def start(
        self,
        *arguments: str,
        is_noted: bool = False,
        set_back_at: int = -1,
        cache: Path | None = None,
        folder: Path | None = None,
    ) -> Process:
        """Start the program.

        Parameters
        ----------
        *arguments : str
            The verb and what follows it.
        is_noted : bool
            Whether it notes how far its coordinator is.
        set_back_at : int
            As `benchmarks.faults_program`.
        cache, folder : Path, optional
            Where it runs; here when not given.
        """
        name = self._next_name()
        noted = (*_NOTED, str(self.folder / f"{name}.notes"), str(set_back_at))
        return self._start(
            name,
            [*(noted if is_noted else _PROGRAM), *arguments],
            arguments[0],
            folder or self.folder,
            RADTUNE_CACHE=str(cache or self.folder / "cache"),
        )

    def dask(self, verb: str, *arguments: str) -> Process:
        """Start Dask's scheduler or a worker, under the name of the process."""
        name = self._next_name()
        named = ("--name", name) if verb == "worker" else ()
        command = [sys.executable, "-m", "dask", verb, *arguments, *named]
        settings = str(PROJECT_ROOT / "docs" / "dask.yaml")
        return self._start(name, command, verb, self.folder, DASK_CONFIG=settings)

    def _next_name(self) -> str:
        self._n_processes += 1
        return f"process-{self._n_processes}"

    def _start(
        self, name: str, command: Sequence[str], verb: str, cwd: Path, **environment: str
    ) -> Process:
        """Start a process in a session of its own."""
        output = self.folder / f"{name}.txt"
        inherited = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        with output.open("wb") as file:
            popen = subprocess.Popen(  # noqa: S603 - this program
                command,
                cwd=cwd,
                env={**inherited, **environment, "PYTHONPATH": _ROOT, "PGAPPNAME": name},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Process(popen, output, self.folder / f"{name}.notes", verb, name)


def table(rows: Sequence[dict[str, object]]) -> str:
    """Write rows, all with the same columns, as a Markdown table."""
    lines: list[list[object]] = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [list(row.values()) for row in rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write_few(folder: Path, n_records: int) -> None:
    """Write the first records of each site."""
    folder.mkdir()
    for path in (PROJECT_ROOT / "data" / "training").glob("*.json"):
        records = json.loads(path.read_text(encoding="utf-8"))[:n_records]
        (folder / path.name).write_text(json.dumps(records), encoding="utf-8")


class Process:
    """A process of the program, alone with its helpers in a session of the system.

    Parameters
    ----------
    popen : subprocess.Popen
    output, notes : Path
        Where it writes.
    verb, name : str
    """

    def __init__(
        self, popen: subprocess.Popen[bytes], output: Path, notes: Path, verb: str, name: str
    ) -> None:
        self._popen, self._output, self._notes = popen, output, notes
        self.verb, self.name = verb, name
        self.pid = popen.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._popen.poll()

    @property
    def output(self) -> str:
        """What it has written."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def document(self) -> dict[str, Any]:
        """The JSON at the end of what it has written."""
        found: dict[str, Any] = json.loads(self.output[self.output.index("{") :])
        return found

    @property
    def notes(self) -> Notes:
        """How far its coordinator is."""
        return Notes.of(self._notes)

    def send(self, number: signal.Signals, *, to_all: bool = False) -> None:
        """Send a signal to it, or to its helpers too, as a terminal does."""
        if to_all:
            os.killpg(self.pid, number)
        else:
            self._popen.send_signal(number)

    def kill(self) -> bool:
        """End it at once; tell whether it had not ended before. Its helpers see for themselves."""
        self._popen.kill()
        return self._popen.wait() == -signal.SIGKILL

    def wait_for_end(self, *codes: int) -> int:
        """Wait until it has ended with one of these exit codes, and has said so in one line."""
        try:
            code = self._popen.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise FaultError(f"{self.verb} does not end; it said:\n{self.output}") from None
        if code not in codes:
            raise FaultError(f"{self.verb} ended with code {code}; it said:\n{self.output}")
        said = self.output
        expected = int(code in {EXIT_TAKEN, EXIT_ALONE})  # lines of error
        if said.count("radtune: error:") != expected or "Traceback" in said:
            raise FaultError(f"{self.verb} ended with code {code} and says:\n{said}")
        if code == EXIT_INTERRUPTED and STOPPED not in said:
            raise FaultError(f"{self.verb} says no way on:\n{said}")
        return code

    def family(self) -> list[int]:
        """Return the processes of its session that run, itself and its helpers."""
        return [pid for pid, session in _sessions() if session == self.pid]

    def end_family(self) -> None:
        """Leave nothing behind."""
        for pid in self.family():
            os.kill(pid, signal.SIGKILL)
        self._popen.wait()


def _sessions() -> list[tuple[int, int]]:
    """Return every process that runs, and its session. Source: proc(5)."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            after_name = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if after_name[0] != "Z":
            found.append((int(folder.name), int(after_name[3])))
    return found


class Crew(ExitStack):
    """Processes that belong together, all ended with the ``with`` statement."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Process] = []

    def add(self, process: Process) -> Process:
        """Take another one in."""
        self.callback(process.end_family)
        self.all.append(process)
        return process

    def running(self, verb: str = "") -> list[Process]:
        """Return those that run, or those of them that run a verb."""
        return [one for one in self.all if one.code is None and one.verb.startswith(verb)]

    def check_relay(self) -> None:
        """Refuse trials that a process has written after another one went on with the study."""
        runs = sorted(one.notes._replace(n_run=0) for one in self.all)
        for before, after in itertools.pairwise(runs):
            if before.n_written > after.n_known:
                raise FaultError(f"two processes have written the same trials: {before}, {after}")


class Witness(ExitStack):
    """Looks at the trials of a study, and remembers all that it has ever seen.

    Parameters
    ----------
    url, name : str
        Of the study.
    """

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self._database = sa.create_engine(url, pool_pre_ping=True)
        self.callback(self._database.dispose)
        self.name = name
        self.trials: list[Seen] = []
        studies = _OPTUNA["studies"].c
        study = sa.select(studies.study_id).where(studies.study_name == name)
        self._mine = _TRIALS.study_id == study.scalar_subquery()

    def look(self) -> int:
        """Look at every trial; return how many there are."""
        numbers, trials = self._read()
        if numbers != list(range(len(numbers))):
            raise FaultError(f"the numbers of {self.name} are not 0 to n - 1: {numbers}")
        unfinished = [n for n, one in enumerate(trials) if one.state in {"RUNNING", "WAITING"}]
        if unfinished:
            raise FaultError(f"trials of {self.name} that are not finished: {unfinished}")
        if trials[: len(self.trials)] != self.trials:
            raise FaultError(f"trials of {self.name} were lost, or have changed")
        self.trials = trials
        return len(trials)

    def check(self, expected: Sequence[Seen]) -> None:
        """Look once more, and refuse trials that are not the expected ones, bit for bit."""
        self.look()
        if self.trials != list(expected):
            pairs = enumerate(zip(self.trials, expected, strict=False))
            first = next((n for n, pair in pairs if pair[0] != pair[1]), len(self.trials))
            raise FaultError(
                f"{self.name} has {len(self.trials)} trials, the undisturbed study "
                f"{len(expected)}; trial {first} is not the same"
            )

    def wait_for(self, is_so: Callable[[], bool], what: str) -> float:
        """Wait for something; return how many seconds it took."""
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > _PATIENCE_S:
                raise FaultError(f"{self.name}: waited in vain for {what}")
            time.sleep(_LOOK_AGAIN_S)
        return time.monotonic() - started

    def wait_for_trials(self, n_trials: int) -> None:
        """Wait until there are so many trials."""
        self.wait_for(lambda: self.count() >= n_trials, f"{n_trials} trials")

    def count(self) -> int:
        """Count the trials, without a look at them; 0 before the study is there."""
        count = sa.select(sa.func.count(_TRIALS.trial_id)).where(self._mine)
        with self._database.connect() as connection:
            if not sa.inspect(connection).has_table("trial_params"):
                return 0
            return connection.scalar(count) or 0

    def count_studies(self) -> int:
        """Count the studies of the database."""
        return int(self._scalar(sa.select(sa.func.count()).select_from(_OPTUNA["studies"])))

    def owner(self) -> int | None:
        """Return the process that wrote its token last; None before there is any."""
        pid: int | None = self._of_study(STUDIES.c.pid)
        return pid

    def is_finished(self) -> bool:
        """Tell whether nobody has to go on with the study."""
        return bool(self._of_study(STUDIES.c.state) == StudyState.FINISHED)

    def _of_study(self, column: sa.Column[Any]) -> Any:  # noqa: ANN401 - a column's
        with self._database.connect() as connection:
            if not sa.inspect(connection).has_table(STUDIES.name):
                return None
            ours = sa.select(column).where(STUDIES.c.study_name == self.name)
            return connection.scalar(ours)

    def cut(self, process: Process) -> int:
        """Cut all connections of a process to PostgreSQL; return how many there were."""
        return self._server_says("count(pg_terminate_backend(pid))", process)

    def n_connections(self, process: Process) -> int:
        """Count the connections of a process to PostgreSQL."""
        return self._server_says("count(*)", process)

    def _server_says(self, what: str, process: Process) -> int:
        query = sa.select(sa.text(what)).select_from(sa.table("pg_stat_activity"))
        return self._scalar(query.where(sa.column("application_name") == process.name)) or 0

    def _scalar(self, query: sa.Select[Any]) -> Any:  # noqa: ANN401 - whatever is asked for
        with self._database.connect() as connection:
            return connection.scalar(query)

    def _read(self) -> tuple[Sequence[int], list[Seen]]:
        # What hangs on a trial is there as soon as the trial is: the trials are read first.
        trials = sa.select(_TRIALS.trial_id, _TRIALS.number, _TRIALS.state).where(self._mine)
        of_mine = sa.select(_TRIALS.trial_id).where(self._mine)
        values = sa.select(_VALUES.trial_id, _VALUES.value)
        params = sa.select(_PARAMS.trial_id, _PARAMS.param_name, _PARAMS.param_value)
        with self._database.connect() as connection:
            rows = connection.execute(trials.order_by(_TRIALS.number, _TRIALS.trial_id)).all()
            ours = values.where(_VALUES.trial_id.in_(of_mine))
            by_trial = {row.trial_id: row.value for row in connection.execute(ours)}
            named: dict[int, list[tuple[str, float]]] = {row.trial_id: [] for row in rows}
            ours = params.where(_PARAMS.trial_id.in_(of_mine))
            for row in connection.execute(ours):
                if row.trial_id in named:
                    named[row.trial_id].append((row.param_name, row.param_value))
        return [row.number for row in rows], [
            Seen(row.state, by_trial.get(row.trial_id), tuple(sorted(named[row.trial_id])))
            for row in rows
        ]
