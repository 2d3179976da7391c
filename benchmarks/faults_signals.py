"""Ask workers and `optimize` to stop, kill `optimize`, start it several times at once."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from optuna.storages._rdb import models

from benchmarks.faults_ground import (
    EXIT_INTERRUPTED,
    FOREVER,
    STOPPED,
    FaultError,
    Ground,
    Process,
    Witness,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_GATE_CODES = (0, 3, 4)  # exported, no credible gain, more critical errors
_N_BEFORE, _N_AFTER = 20, 60  # trials before a study is stopped, and of what goes on afterwards
_MAIN_AND_HELPER = 3  # processes: multiprocessing has one of its own
_INTO_IMPORTS_S = 0.4  # a new helper imports for a second or more
_LONGEST_S = 10.0  # that helpers outlive a killed program
_STUDIES: sa.Table = models.StudyModel.__table__


class Stop(NamedTuple):
    """A signal that ended a command as it should.

    Attributes
    ----------
    command, signal, moment : str
    ended : str
        How.
    seconds : float
        Until its last process had ended.
    """

    command: str
    signal: str
    moment: str
    ended: str
    seconds: float


def stop_all(ground: Ground, new_url: Callable[[], str]) -> list[Stop]:
    """Send every signal to every command, early and in the middle; let each study go on.

    Parameters
    ----------
    ground : Ground
    new_url : callable
        Returns the URL of an empty database.

    Raises
    ------
    FaultError
    """
    stops = [stop_worker(ground, new_url(), one) for one in (signal.SIGTERM, signal.SIGINT)]
    stops += [
        stop_optimize(ground, new_url(), number, early=early)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
        for early in (True, False)
    ]
    return stops


def stop_worker(ground: Ground, url: str, number: signal.Signals) -> Stop:
    """Stop a worker in the middle of a study, then let another one finish it.

    Raises
    ------
    FaultError
    """
    ground.submit(url, "stopped", FOREVER)
    with Witness(url, "stopped") as witness:
        worker = ground.worker(url, "stopped")
        try:
            witness.wait_for_trials(_N_BEFORE)
            worker.send(number)
            seconds = witness.wait_for(lambda: worker.code is not None, "the end of the worker")
            _check_stopped(worker)
        finally:
            worker.end_family()
        n_trials = witness.look() + _N_AFTER
        ground.submit(url, "stopped", n_trials)
        ground.run_to_end(url, "stopped")
        _check_count(witness, n_trials)
    return Stop("`worker`", number.name, "in the middle", f"code {EXIT_INTERRUPTED}", seconds)


def stop_optimize(ground: Ground, url: str, number: signal.Signals, *, early: bool) -> Stop:
    """Stop `optimize` with two processes, then run it to its end.

    Parameters
    ----------
    ground : Ground
    url : str
        Of an empty database.
    number : signal.Signals
        Ctrl-C reaches the helper, too.
    early : bool
        Whether the helper has only just been started, or both are at work.

    Raises
    ------
    FaultError
        Also when a helper is left behind.
    """
    with Witness(url, "stopped") as witness:
        program = _optimize(ground, url, "stopped", FOREVER, "--workers", "2")
        try:
            witness.wait_for(lambda: len(program.family()) >= _MAIN_AND_HELPER, "the helper")
            if early:
                time.sleep(_INTO_IMPORTS_S)
            else:
                witness.wait_for_trials(_N_BEFORE)
                witness.wait_for(lambda: witness.n_at_work() > 1, "two processes at work")
            program.send(number, to_all=number is signal.SIGINT)
            seconds = witness.wait_for(lambda: program.code is not None, "the end of optimize")
            if number is not signal.SIGKILL:
                _check_stopped(program)
            seconds += witness.wait_for(lambda: not program.family(), "the end of the helper")
            if number is signal.SIGKILL and seconds > _LONGEST_S:
                raise FaultError(f"a helper outlived its program by {seconds:.0f} s")
            program.check_output()
        finally:
            program.end_family()
        n_trials = witness.look() + _N_AFTER
        _optimize(ground, url, "stopped", n_trials).wait_for_end(*_GATE_CODES)
        _check_count(witness, n_trials)
    killed = number is signal.SIGKILL
    return Stop(
        "`optimize --workers 2`",
        number.name,
        "while the helper starts" if early else "in the middle",
        "its helper, too" if killed else f"code {EXIT_INTERRUPTED}",
        seconds,
    )


def start_at_once(ground: Ground, url: str, n_programs: int = 4, n_trials: int = 80) -> None:
    """Start `optimize` several times, with the same new study in a database that is not there yet.

    Raises
    ------
    FaultError
    """
    programs = [_optimize(ground, url, "shared", n_trials) for _ in range(n_programs)]
    try:
        for program in programs:
            program.wait_for_end(*_GATE_CODES)
    finally:
        for program in programs:
            program.end_family()
    with Witness(url, "shared") as witness:
        _check_count(witness, n_trials)
    database = sa.create_engine(url)
    with database.connect() as connection:
        n_studies = connection.scalar(sa.select(sa.func.count()).select_from(_STUDIES))
    database.dispose()
    if n_studies != 1:
        raise FaultError(f"{n_programs} programs made {n_studies} studies of one name")


def _optimize(ground: Ground, url: str, name: str, n_trials: int, *options: str) -> Process:
    study = ("--study-name", name, "--strategy", "tpe", "--pruner", "none")
    given = ("--storage", url, "--dataset-dir", "data", "--max-experiments", str(n_trials))
    return ground.start("optimize", *study, *given, *options)


def _check_stopped(process: Process) -> None:
    process.wait_for_end(EXIT_INTERRUPTED)
    if process.output.count(STOPPED) != 1:
        raise FaultError(f"there is no line on how to go on:\n{process.output}")


def _check_count(witness: Witness, n_trials: int) -> None:
    found = witness.look()
    if found != n_trials:
        raise FaultError(f"there are {found} trials, {n_trials} were asked for")


def stops_table(stops: dict[str, list[Stop]]) -> str:
    """Return what the page says.

    Parameters
    ----------
    stops : dict
        Name of the database to what was sent there.
    """
    lines = [
        "| command | signal | when | ended | seconds on " + " | on ".join(stops) + " |",
        f"|---|---|---|---|{'---|' * len(stops)}",
    ]
    for row in zip(*stops.values(), strict=True):
        seconds = " | ".join(f"{one.seconds:.1f}" for one in row)
        lines.append(f"| {' | '.join(row[0][:4])} | {seconds} |")
    return "\n".join(lines)
