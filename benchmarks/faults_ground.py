"""Small studies, their workers, and a witness of their trials: for those who disturb them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import sqlalchemy as sa
import yaml
from optuna.storages._rdb import models
from optuna.trial import TrialState

from objectives.configuration import PROJECT_ROOT
from studies.ledger_tables import LEASES, WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

PAGE = PROJECT_ROOT / "docs" / "reliability.md"
EXIT_INTERRUPTED = 130
FOREVER = 10_000_000  # trials: a budget that is not met
STOPPED = "radtune: error: interrupted; what is finished is kept: run the same again"
_PROGRAM = (sys.executable, str(PROJECT_ROOT / "scripts" / "run_training.py"))
_N_RECORDS_PER_SITE = 60
_PATIENCE_S = 180.0  # for anything that is waited for
_LOOK_AGAIN_S = 0.05
_STUDIES: sa.Table = models.StudyModel.__table__
_TRIALS: sa.Table = models.TrialModel.__table__
_VALUES: sa.Table = models.TrialValueModel.__table__
_PARAMS: sa.Table = models.TrialParamModel.__table__


class FaultError(RuntimeError):
    """Something was lost, is there twice, or did not end as it should."""


class Seen(NamedTuple):
    """A trial as the database has it, times apart.

    Attributes
    ----------
    state : TrialState
    value : float or None
    params : tuple of (str, float)
        In the order of their names.
    """

    state: TrialState
    value: float | None
    params: tuple[tuple[str, float], ...]


class Ground:
    """A folder with the first records of each site, and a cache that knows them.

    Parameters
    ----------
    folder : Path
        Must exist.
    n_records_per_site : int or None
        None takes all there are.
    """

    def __init__(self, folder: Path, n_records_per_site: int | None = _N_RECORDS_PER_SITE) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "OPTUNA_STORAGE"},
            "RADTUNE_CACHE": str(folder / "cache"),
        }
        self._n_processes = 0
        (folder / "data").mkdir()
        for path in (PROJECT_ROOT / "data" / "training").glob("*.json"):
            records = json.loads(path.read_text(encoding="utf-8"))[:n_records_per_site]
            text = json.dumps(records)
            (folder / "data" / path.name).write_text(text, encoding="utf-8")
        url = self.sqlite("warm")
        self.submit(url, "warm", 1)
        self.run_to_end(url, "warm")

    def sqlite(self, name: str) -> str:
        """Return the URL of a database file of this folder."""
        return f"sqlite:///{self.folder / name}.db"

    def submit(
        self,
        url: str,
        name: str,
        n_trials: int,
        strategy: str = "tpe",
        *,
        synchronous: bool = False,
    ) -> None:
        """Submit a study, or let it go on with another budget."""
        document = {
            "strategy": strategy,
            "pruner": "none",
            "synchronous": synchronous,
            "data": {"training_dir": "data"},
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        given = ("--storage", url, "--max-experiments", str(n_trials))
        self.start("submit", file.name, *given).wait_for_end(0)

    def worker(self, url: str, name: str) -> Process:
        """Start a worker that runs one study."""
        return self.start("worker", "--storage", url, "--study", name)

    def run_to_end(self, url: str, name: str) -> None:
        """Run a study to its end with one worker."""
        self.worker(url, name).wait_for_end(0)

    def start(self, *arguments: str, python: str | None = None) -> Process:
        """Start the program, in a session of its own.

        Parameters
        ----------
        *arguments : str
            The verb and what follows it.
        python : str, optional
            Python code to run in the place of the program's file.
        """
        self._n_processes += 1
        program = _PROGRAM if python is None else (sys.executable, "-c", python)
        output = self.folder / f"process-{self._n_processes}.txt"
        with output.open("wb") as file:
            popen = subprocess.Popen(  # noqa: S603 - this program
                [*program, *arguments],
                cwd=self.folder,
                env={**self.environment, "PYTHONPATH": str(PROJECT_ROOT)},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Process(popen, output, " ".join(arguments[:1]))


class Process:
    """A process of the program, alone with its helpers in a session of the system.

    Parameters
    ----------
    popen : subprocess.Popen
    output : Path
        Where it writes.
    verb : str
    """

    def __init__(self, popen: subprocess.Popen[bytes], output: Path, verb: str) -> None:
        self._popen = popen
        self._output = output
        self._verb = verb
        self.pid = popen.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._popen.poll()

    @property
    def output(self) -> str:
        """What it has written."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def send(self, number: signal.Signals, *, to_all: bool = False) -> None:
        """Send a signal to it, or to its helpers too, as a terminal does."""
        if to_all:
            os.killpg(self.pid, number)
        else:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it at once; its helpers see for themselves."""
        self._popen.kill()
        self._popen.wait()

    def wait_for_end(self, *codes: int) -> int:
        """Wait until it has ended with one of these exit codes, without a traceback.

        Raises
        ------
        FaultError
        """
        try:
            code = self._popen.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise FaultError(f"{self._verb} does not end; it said:\n{self.output}") from None
        if code not in codes:
            raise FaultError(f"{self._verb} ended with code {code}; it said:\n{self.output}")
        self.check_output()
        return code

    def check_output(self) -> None:
        """Refuse a traceback, and a line of error other than that it was interrupted.

        Raises
        ------
        FaultError
        """
        errors = [
            line
            for line in self.output.splitlines()
            if "Traceback" in line
            or (line.startswith("radtune: error:") and not line.startswith(STOPPED))
        ]
        if errors:
            raise FaultError(f"{self._verb} says:\n{self.output}")

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


class Crew:
    """Workers of one study, all ended with the ``with`` statement.

    Parameters
    ----------
    ground : Ground
    url, name : str
        Of the study.
    n_workers : int
    """

    def __init__(self, ground: Ground, url: str, name: str, n_workers: int) -> None:
        self._ground, self._url, self._name = ground, url, name
        self._n_workers = n_workers
        self.all: list[Process] = []

    def __enter__(self) -> Self:
        """Start the workers."""
        self.fill()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what still runs."""
        for process in self.all:
            process.end_family()

    def running(self) -> list[Process]:
        """Return those that run."""
        return [process for process in self.all if process.code is None]

    def fill(self) -> None:
        """Start as many as are missing."""
        for _ in range(self._n_workers - len(self.running())):
            self.all.append(self._ground.worker(self._url, self._name))

    def wait_for_end(self, code: int = 0) -> None:
        """Wait until those that run have ended, all with this exit code.

        Raises
        ------
        FaultError
        """
        for process in self.running():
            process.wait_for_end(code)

    def stop(self) -> None:
        """Ask those that run to end, and see that they do as promised.

        Raises
        ------
        FaultError
        """
        running = self.running()
        if len(running) < self._n_workers:
            ended = [process.output for process in self.all if process.code is not None]
            raise FaultError("a worker has ended:\n" + "\n".join(ended))
        for process in running:
            process.send(signal.SIGTERM)
        for process in running:
            process.wait_for_end(EXIT_INTERRUPTED)
            if STOPPED not in process.output:
                raise FaultError(f"a worker that was stopped says no way on:\n{process.output}")


class Witness:
    """Looks at the trials of a study, and remembers all that it has ever seen.

    Parameters
    ----------
    url, name : str
        Of the study.
    """

    def __init__(self, url: str, name: str) -> None:
        self._database = sa.create_engine(url, pool_pre_ping=True)
        self.name = name
        self.trials: list[Seen] = []

    def __enter__(self) -> Self:
        """Return the witness."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        self._database.dispose()

    def look(self) -> int:
        """Look at every trial; return how many there are.

        Raises
        ------
        FaultError
            When one was lost, has changed, is there twice or is not finished, or numbers are
            missing.
        """
        numbers, trials = self._read()
        if numbers != list(range(len(numbers))):
            raise FaultError(f"the numbers of {self.name} are not 0 to n - 1: {numbers}")
        unfinished = [n for n, trial in enumerate(trials) if not trial.state.is_finished()]
        if unfinished:
            raise FaultError(f"trials of {self.name} that are not finished: {unfinished}")
        if trials[: len(self.trials)] != self.trials:
            raise FaultError(f"trials of {self.name} were lost, or have changed")
        self.trials = trials
        return len(trials)

    def wait_for(self, is_so: Callable[[], bool], what: str) -> float:
        """Wait for something; return how many seconds it took.

        Raises
        ------
        FaultError
            When it does not come to pass.
        """
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > _PATIENCE_S:
                raise FaultError(f"{self.name}: waited in vain for {what}")
            time.sleep(_LOOK_AGAIN_S)
        return time.monotonic() - started

    def wait_for_trials(self, n_trials: int) -> None:
        """Wait until there are so many trials.

        Raises
        ------
        FaultError
        """
        self.wait_for(lambda: self.count() >= n_trials, f"{n_trials} trials")

    def count(self) -> int:
        """Count the trials, without a look at them; 0 before the study is there."""
        count = sa.select(sa.func.count(_TRIALS.c.trial_id)).join(
            _STUDIES, _STUDIES.c.study_id == _TRIALS.c.study_id
        )
        with self._database.connect() as connection:
            if not sa.inspect(connection).has_table(_TRIALS.name):
                return 0
            return connection.scalar(count.where(_STUDIES.c.study_name == self.name)) or 0

    def n_at_work(self) -> int:
        """Count the workers that have trials in hand."""
        query = sa.select(sa.func.count(sa.distinct(LEASES.c.worker_id)))
        with self._database.connect() as connection:
            return connection.scalar(query) or 0

    def n_signed_on(self) -> int:
        """Count the workers that have come as far as a study; 0 before there is any table."""
        query = sa.select(sa.func.count(WORKERS.c.study_id))
        with self._database.connect() as connection:
            if not sa.inspect(connection).has_table(WORKERS.name):
                return 0
            return connection.scalar(query) or 0

    def spot(self, pid: int) -> str:
        """Say in words how far a worker has come."""
        query = (
            sa.select(WORKERS.c.study_id, LEASES.c.stop)
            .join(LEASES, LEASES.c.worker_id == WORKERS.c.id, isouter=True)
            .where(WORKERS.c.pid == pid)
        )
        with self._database.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return STARTING
        if row.study_id is None:
            return SPOTS[1]
        return SPOTS[2] if row.stop is None else AT_WORK

    def _read(self) -> tuple[Sequence[int], list[Seen]]:
        # What hangs on a trial is there as soon as the trial is: the trials are read first.
        ours = sa.select(_STUDIES.c.study_id).where(_STUDIES.c.study_name == self.name)
        mine = _TRIALS.c.study_id == ours.scalar_subquery()
        trials = sa.select(_TRIALS.c.trial_id, _TRIALS.c.number, _TRIALS.c.state).where(mine)
        values = sa.select(_VALUES.c.trial_id, _VALUES.c.value).join(
            _TRIALS, _TRIALS.c.trial_id == _VALUES.c.trial_id
        )
        params = sa.select(_PARAMS.c.trial_id, _PARAMS.c.param_name, _PARAMS.c.param_value).join(
            _TRIALS, _TRIALS.c.trial_id == _PARAMS.c.trial_id
        )
        with self._database.connect() as connection:
            rows = connection.execute(trials.order_by(_TRIALS.c.number, _TRIALS.c.trial_id)).all()
            by_trial = {row.trial_id: row.value for row in connection.execute(values.where(mine))}
            named: dict[int, list[tuple[str, float]]] = {row.trial_id: [] for row in rows}
            for trial_id, name, value in connection.execute(params.where(mine)):
                if trial_id in named:
                    named[trial_id].append((name, value))
        return [row.number for row in rows], [
            Seen(row.state, by_trial.get(row.trial_id), tuple(sorted(named[row.trial_id])))
            for row in rows
        ]


STARTING = "before the worker had signed on"
AT_WORK = "while it had trials in hand"
SPOTS = (
    STARTING,
    "while it read the study and its data",
    "while it had no trials in hand",
    AT_WORK,
)


def check_same(found: Sequence[Seen], expected: Sequence[Seen], what: str) -> None:
    """Refuse trials that are not the same, bit for bit.

    Raises
    ------
    FaultError
    """
    if list(found) != list(expected):
        first = next(
            (n for n, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]),
            min(len(found), len(expected)),
        )
        raise FaultError(f"{what}: trial {first} is not that of the undisturbed study")
