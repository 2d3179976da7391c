"""``make bench``: how fast everything is, as ratios measured inside one run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measurement import BLAS_TUNING
from benchmarks.page import write_section
from support.atomic_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measurement import Measurement

GROUPS = ("startup", "scoring_speed", "trial_speed", "workers_speed", "training_speed")
JSON = Path(".local", "bench.json")
_NOT_IN_JSON = {"is_least"}


def start_again_without_blas_tuning() -> None:
    """Start this program again where the environment tunes BLAS; numpy must not be loaded yet."""
    if not BLAS_TUNING.isdisjoint(os.environ):
        plain = {name: value for name, value in os.environ.items() if name not in BLAS_TUNING}
        os.execve(sys.executable, sys.orig_argv, plain)  # noqa: S606 - this very program


def run(groups: Sequence[str]) -> list[Measurement]:
    """Run groups of measurements, each in the module of its name."""
    rows: list[Measurement] = []
    for group in groups:
        print(f"{group} ...", file=sys.stderr, flush=True)
        found: list[Measurement] = import_module(f"benchmarks.{group}").measure()
        for row in found:
            print(f"  {row.name}: {row.shown()} {row.verdict()}", file=sys.stderr, flush=True)
        rows += found
    return rows


def table(rows: Sequence[Measurement]) -> str:
    """Write the rows as a Markdown table."""
    lines = ["| what | measured | target | verdict | in detail |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.shown()} | {row.bound()} | {row.verdict()} | {row.detail} |"
        for row in rows
    ]
    return "\n".join(lines)


def keep(rows: Sequence[Measurement], path: Path) -> None:
    """Write the rows as JSON, a list of objects."""
    kept = [
        {name: value for name, value in row._asdict().items() if name not in _NOT_IN_JSON}
        for row in rows
    ]
    write_whole(path, json.dumps(kept, indent=2) + "\n")


def main() -> None:
    """Run every group, or those named, print the table and keep it."""
    start_again_without_blas_tuning()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"only these: {', '.join(GROUPS)}")
    groups = parser.parse_args().groups
    rows = run(groups or GROUPS)
    text = table(rows)
    print(text)
    if groups:
        return
    keep(rows, JSON)
    write_section("bench", text)


if __name__ == "__main__":
    main()
