"""``make bench-scaling``: one and two machines on one PostgreSQL server, into docs/scaling.md.

A machine is a network namespace (root; elsewhere a process that reaches the server over TCP). Both
run on the cores of one computer, beside the server: two of them gain less here than two computers
would.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import optuna
import sqlalchemy as sa

from benchmarks.namespaces import Namespaces
from benchmarks.page import write_section
from objectives.configuration import PROJECT_ROOT
from studies.ledger_tables import WORKERS
from studies.options import OptimizationConfig
from studies.postgres_server import PostgresServer
from studies.search import submit
from studies.storage import open_storage, quiet_optuna
from studies.trial_writer import TRIALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from optuna.storages import RDBStorage

PAGE = PROJECT_ROOT / "docs" / "scaling.md"
_BUDGETS = {"random_search": 12_000, "tpe": 600, "line_search": 100}
_WARM_UP = 0.2  # share of the budget that does not count
_COUNTS = (1, 2)
_PROJECTED = (2, 10)
_PAUSE_S = 0.05
_PATIENCE_S = 120.0
_TICKS_S = os.sysconf("SC_CLK_TCK")


class _Use(NamedTuple):
    """What has been used up: wall time, CPU of the workers, CPU of the server (seconds)."""

    wall: float
    workers: float
    server: float
    n_trials: int


class _Speed(NamedTuple):
    """How fast a study went.

    Attributes
    ----------
    strategy : str
    n_workers : int
    rate : float
        Trials a second.
    worker_ms, server_ms : float
        CPU of a trial, milliseconds.
    """

    strategy: str
    n_workers: int
    rate: float
    worker_ms: float
    server_ms: float


def main() -> None:
    """Measure, and write the section of the page."""
    speeds: list[_Speed] = []
    read_ms: dict[str, float] = {}
    with quiet_optuna(), ExitStack() as stack:
        has_namespaces = Namespaces.can_be_had()
        machines = stack.enter_context(Namespaces(max(_COUNTS))) if has_namespaces else None
        host = machines.host if machines else "127.0.0.1"
        server = stack.enter_context(PostgresServer(tcp_port=0, host=host))
        for strategy in _BUDGETS:
            for n_workers in _COUNTS:
                url = server.new_database(over_tcp=True)
                speeds.append(_measure(url, strategy, n_workers, machines, server.cluster))
            read_ms[strategy] = _cost_of_reading(url, strategy)
    report = _report(speeds, read_ms, has_namespaces=has_namespaces)
    print(report)
    write_section("scaling", report, PAGE)


def _measure(
    url: str, strategy: str, n_workers: int, machines: Namespaces | None, cluster: Path
) -> _Speed:
    """Let workers run a study from beginning to end."""
    storage = open_storage(url)
    budget = _BUDGETS[strategy]
    with _workers(url, n_workers, machines) as processes:
        _wait(lambda: _n_alive(storage) == n_workers, processes)
        options = OptimizationConfig(strategy=strategy, max_experiments=budget)
        submit(options.definition(study_name=strategy), storage)
        first = int(budget * _WARM_UP)
        _wait(lambda: _n_trials(storage) >= first, processes)
        before = _use(storage, processes, cluster)
        _wait(lambda: _n_trials(storage) >= budget, processes)
        after = _use(storage, processes, cluster)
    storage.engine.dispose()
    n_trials = after.n_trials - before.n_trials
    return _Speed(
        strategy,
        n_workers,
        n_trials / (after.wall - before.wall),
        1000 * (after.workers - before.workers) / n_trials,
        1000 * (after.server - before.server) / n_trials,
    )


@contextmanager
def _workers(
    url: str, n_workers: int, machines: Namespaces | None
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start one worker on each machine, and end them."""
    command = [sys.executable, "-m", "scripts.run_training", "worker", "--forever"]
    with tempfile.TemporaryFile("w+") as said:
        processes = [
            subprocess.Popen(  # noqa: S603 - this program, no shell
                [*(machines.command(n) if machines else []), *command],
                env={**os.environ, "OPTUNA_STORAGE": url},
                cwd=PROJECT_ROOT,
                stdout=said,
                stderr=said,
                text=True,
            )
            for n in range(n_workers)
        ]
        try:
            yield processes
            for process in processes:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(_PATIENCE_S) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        if set(codes) != {130}:
            said.seek(0)
            raise RuntimeError(f"workers ended with {codes}: {said.read()}")


def _wait(condition: Callable[[], bool], processes: Sequence[subprocess.Popen[str]]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > until or any(process.poll() is not None for process in processes):
            raise RuntimeError("the workers do not get on")
        time.sleep(_PAUSE_S)


def _n_alive(storage: RDBStorage) -> int:
    with storage.engine.begin() as connection:
        if not sa.inspect(connection).has_table(WORKERS.name):
            return 0
        return connection.scalar(sa.select(sa.func.count()).select_from(WORKERS)) or 0


def _n_trials(storage: RDBStorage) -> int:
    with storage.engine.begin() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(TRIALS)) or 0


def _use(storage: RDBStorage, processes: Sequence[subprocess.Popen[str]], cluster: Path) -> _Use:
    postmaster = int((cluster / "postmaster.pid").read_text().split()[0])
    return _Use(
        time.monotonic(),
        sum(_cpu_s(process.pid) for process in processes),
        _cpu_s(postmaster, with_dead_children=True)
        + sum(_cpu_s(child) for child in _children(postmaster)),
        _n_trials(storage),
    )


def _cpu_s(pid: int, *, with_dead_children: bool = False) -> float:
    """Return the CPU that a process has used, seconds; source: Linux proc_pid_stat(5)."""
    fields = _stat(pid)
    last = 15 if with_dead_children else 13
    return sum(map(int, fields[11:last])) / _TICKS_S


def _children(pid: int) -> list[int]:
    every = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [child for child in every if (fields := _stat(child)) and int(fields[1]) == pid]


def _stat(pid: int) -> list[str]:
    """Return the fields after the name of the program; none of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cost_of_reading(url: str, name: str) -> float:
    """Return what it takes a worker to learn of a trial of another one, milliseconds."""
    storage = open_storage(url)
    study = optuna.load_study(study_name=name, storage=storage)
    began = time.process_time()
    n_trials = len(study.get_trials(deepcopy=False))
    taken = time.process_time() - began
    storage.engine.dispose()
    return 1000 * taken / n_trials


def _report(
    speeds: Sequence[_Speed], read_ms: Mapping[str, float], *, has_namespaces: bool
) -> str:
    where = (
        "each in a network namespace of its own"
        if has_namespaces
        else "processes that reach it over TCP (for namespaces run it as root)"
    )
    lines = [
        f"One PostgreSQL server and its workers, {where}, all on {os.cpu_count()} cores; of a "
        f"study the first {_WARM_UP:.0%} do not count.",
        "",
        "| strategy | workers | trials/s | against one | CPU a trial: workers | server | both |",
        "|---|---|---|---|---|---|---|",
    ]
    alone = {one.strategy: one for one in speeds if one.n_workers == 1}
    lines += [
        f"| {one.strategy} | {one.n_workers} | {one.rate:,.1f} | "
        f"{one.rate / alone[one.strategy].rate:.2f} x | {one.worker_ms:.2f} ms | "
        f"{one.server_ms:.2f} ms | {one.worker_ms + one.server_ms:.2f} ms |"
        for one in speeds
    ]
    lines += [
        "",
        "Projected, not measured, from what one worker does alone: trials/s of N workers = "
        "N / (t + (N - 1) r), where t is the time of a trial alone and r the CPU that it takes to "
        "learn of another worker's trial (measured, too); and how many cores of the server that "
        "keeps busy.",
        "",
        "| strategy | t | r | " + " | ".join(f"{n} machines | server" for n in _PROJECTED) + " |",
        "|---|---|---|" + "---|---|" * len(_PROJECTED),
    ]
    for strategy, one in alone.items():
        row = [strategy, f"{1000 / one.rate:.1f} ms", f"{read_ms[strategy]:.2f} ms"]
        for n in _PROJECTED:
            rate = n / (1 / one.rate + (n - 1) * read_ms[strategy] / 1000)
            cores = rate * one.server_ms / 1000
            row += [f"{rate:,.0f} trials/s ({rate / one.rate:.1f} x)", f"{cores:.2f} cores"]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
