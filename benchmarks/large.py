"""``make bench-large``: what a case costs as there are ten and a hundred times as many."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.open_records import open_records
from benchmarks.page import write_section
from objectives.configuration import PROJECT_ROOT, load_configuration
from objectives.executors import LocalProcesses
from objectives.mapping import map_file
from objectives.objective import WeightObjective
from objectives.training import ScalableTrainingFramework
from objectives.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = (15_000, 150_000)
_SEED = 7
_N_TRIALS = 5
_PAUSE_S = 0.1
_TARGET_GROWTH = 1.2
_TARGET_MB = 1500


class Cost(NamedTuple):
    """What one verb took.

    Attributes
    ----------
    seconds : float
    anonymous_mb : float
        Peak of the process and its workers together; mapped files do not count.
    """

    seconds: float
    anonymous_mb: float


def write_cases(path: Path, n_cases: int) -> None:
    """Write cases with distinct names: the shipped ones, and again with a number behind."""
    records = open_records(load_configuration())
    rng = random.Random(_SEED)  # noqa: S311 - no cryptography
    rng.shuffle(records)  # so that every size has the same mix of sites
    with path.open("w", encoding="utf-8") as file:
        for position in range(n_cases):
            again, at = divmod(position, len(records))
            name = records[at]["EXAM_NAME"]
            changed = {"EXAM_NAME": f"{name} ({rng.randrange(10**6)})"} if again else {}
            file.write(json.dumps(records[at] | changed) + "\n")


def bank(path: Path) -> float:
    """Compute the facts of every case."""
    workspace = Workspace(load_configuration())
    cases = workspace.load_cases([path]).cases
    started = time.perf_counter()
    workspace.bank(cases)
    return time.perf_counter() - started


def train(path: Path) -> float:
    """Run `radtune train` on a bank that is there."""
    started = time.perf_counter()
    ScalableTrainingFramework().train_on_dataset([path])
    return time.perf_counter() - started


def trial(path: Path) -> float:
    """Value one set of weights, on average of a few."""
    config = load_configuration()
    workspace = Workspace(config)
    every = workspace.bank(workspace.load_cases([path]).cases)
    sanity = workspace.bank(workspace.load_sanity().cases).answerable()
    tuning = every.at(config.split.tuning).answerable()
    objective = WeightObjective(tuning, sanity, config.objective)
    started = time.perf_counter()
    for _ in range(_N_TRIALS):
        objective.evaluate(config.weights)
    return (time.perf_counter() - started) / _N_TRIALS


def map_names(path: Path) -> float:
    """Run `radtune map`."""
    config = load_configuration()
    engine = Workspace(config).lookup_engine()
    started = time.perf_counter()
    map_file(
        engine,
        path,
        path.with_suffix(".csv"),
        file_format="csv",
        configuration="",
        executor=LocalProcesses(config.training.max_workers),
    )
    return time.perf_counter() - started


VERBS: dict[str, Callable[[Path], float]] = {
    "bank": bank,
    "train, its bank there": train,
    "trial": trial,
    "map": map_names,
}


def cost_of(verb: str, path: Path) -> Cost:
    """Run a verb and watch the memory of this process and its workers."""
    done = threading.Event()
    peak_kb = [0]

    def watch() -> None:
        while not done.wait(_PAUSE_S):
            peak_kb[0] = max(peak_kb[0], _anonymous_kb(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        seconds = VERBS[verb](path)
    finally:
        done.set()
        watcher.join()
    return Cost(seconds, peak_kb[0] / 1024)


def _anonymous_kb(root: int) -> int:
    """Add up the anonymous memory of a process and all that it started."""
    used: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text(encoding="utf-8").splitlines()
        except OSError:  # it has just ended
            continue
        fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        process = int(fields["Pid"])
        used[process] = int(fields.get("RssAnon", "0 kB").split()[0])
        children.setdefault(int(fields["PPid"]), []).append(process)
    family = [root]
    for process in family:
        family += children.get(process, [])
    return sum(used.get(process, 0) for process in family)


def measure(n_cases: int) -> dict[str, Cost]:
    """Measure every verb in a process of its own, with one cache for all of them."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "cases.jsonl")
        write_cases(path, n_cases)
        found = {}
        for verb in VERBS:
            done = subprocess.run(  # noqa: S603 - this interpreter, our own arguments
                [sys.executable, "-m", "benchmarks.large", "--verb", verb, str(path)],
                cwd=name,  # where the sessions go
                env={
                    **os.environ,
                    "PYTHONPATH": str(PROJECT_ROOT),
                    "RADTUNE_CACHE": str(Path(name, "cache")),
                },
                stdout=subprocess.PIPE,
                check=True,
            )
            found[verb] = Cost(*json.loads(done.stdout))
            print(n_cases, verb, found[verb], file=sys.stderr, flush=True)
        return found


def table(found: dict[int, dict[str, Cost]]) -> str:
    """Write the costs as a Markdown table, each size beside the smallest."""
    smallest = min(found)
    lines = [
        f"| verb | cases | seconds | microseconds a case | times that of {smallest:,} "
        f"(target {_TARGET_GROWTH}) | anonymous memory, MB (target {_TARGET_MB:,}) |",
        "|---|---|---|---|---|---|",
    ]
    for verb in VERBS:
        first = found[smallest][verb].seconds / smallest
        for n_cases, costs in found.items():
            cost = costs[verb]
            each = cost.seconds / n_cases
            lines.append(
                f"| {verb} | {n_cases:,} | {cost.seconds:,.3f} | {1e6 * each:,.2f} "
                f"| {each / first:.2f} | {cost.anonymous_mb:,.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure the sizes asked for; write the section of the page."""
    if sys.argv[1:2] == ["--verb"]:  # one of the processes that are measured
        _, _, verb, path = sys.argv
        print(json.dumps(cost_of(verb, Path(path))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_cases", nargs="*", type=int, default=_SIZES)
    text = table({n_cases: measure(n_cases) for n_cases in parser.parse_args().n_cases})
    write_section("bench-large", text)
    print(text)


if __name__ == "__main__":
    main()
