"""``radtune compare``: the same cases under two configurations."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from objectives.output import write_whole
from scripts.console import (
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    print_json,
    warn,
    warn_bad_records,
)
from studies import compare as comparing
from studies.compare import Change, ChangedCase

if TYPE_CHECKING:
    from objectives.decision_quality import CriticalErrors
    from studies.compare import Comparison, Difference, Part

_N_SHOWN = 10


def compare(
    config_a: Annotated[Path, typer.Argument(help="Configuration A.")],
    config_b: Annotated[Path, typer.Argument(help="Configuration B.")],
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    output: Annotated[
        Path | None, typer.Option(help="CSV of every changed case. [default: none]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer the same cases under two configurations: what is fixed, broken and dangerous.

    Shares are in [0, 1], differences are B less A with 95% intervals. The test sites of the split
    are left out.
    """
    found = comparing.compare(config_a, config_b, dataset or [], dataset_dir)
    warn_bad_records(found.bad_records)
    if found.left_out:
        warn(f"left out: test sites {', '.join(found.left_out)}")
    if output:
        write_whole(output, _as_csv(found.changed))
    if as_json:
        print_json({**found._asdict(), "output": output})
    else:
        _print_block(found, output)


def _print_block(found: Comparison, output: Path | None) -> None:
    lines = []
    if found.held_out:
        lines += [*_part_lines("Sites that neither was tuned on", found.held_out), ""]
    if found.in_sample:
        lines += [*_part_lines("Tuning sites (in-sample)", found.in_sample), ""]
    lines.append(", ".join(f"{change}: {_count(found, change)}" for change in Change))
    for case in found.changed[:_N_SHOWN]:
        danger = f" ({case.critical_b})" if case.critical_b else ""
        lines.append(
            f"  {case.change}: {case.exam_name} [{case.modality_code}] "
            f"gold {case.gold or 'none'}; A {case.answer_a}, {case.status_a} "
            f"-> B {case.answer_b}, {case.status_b}{danger}; "
            f"{case.decided_by or 'decision'}"
        )
    if len(found.changed) > _N_SHOWN:
        where = f"in {output}" if output else "with --output FILE.csv"
        lines.append(f"  ... all {len(found.changed):,} {where}")
    typer.echo("\n".join(lines))


def _part_lines(title: str, part: Part) -> list[str]:
    critical = part.critical
    return [
        f"{title}: {', '.join(part.sites)}; {part.n_cases:,} cases "
        f"({part.n_answerable:,} answerable)",
        f"  {_line('accuracy@1', part.accuracy_at_1)}, McNemar p = {part.p_value:.2g}",
        f"  {_line('coverage', part.coverage)}",
        f"  {_line('share of dangerous first rows', critical.difference)}",
        f"  dangerous first rows: {critical.first_ranked_a.n_cases} -> "
        f"{critical.first_ranked_b.n_cases} "
        f"({_by_kind(critical.first_ranked_a, critical.first_ranked_b)})",
        f"  dangerous among accepted: {critical.accepted_a.n_cases} -> "
        f"{critical.accepted_b.n_cases} ({_by_kind(critical.accepted_a, critical.accepted_b)}); "
        f"upper bound {critical.accepted_bound_a:.2%} -> {critical.accepted_bound_b:.2%}",
    ]


def _by_kind(a: CriticalErrors, b: CriticalErrors) -> str:
    return ", ".join(f"{kind} {n} -> {b.by_kind[kind]}" for kind, n in a.by_kind.items())


def _line(name: str, of: Difference) -> str:
    low, high = of.interval
    return (
        f"{name}: {of.a:.4f} -> {of.b:.4f}, difference {of.difference:+.4f} "
        f"({low:+.4f} to {high:+.4f})"
    )


def _count(found: Comparison, change: Change) -> int:
    return sum(case.change is change for case in found.changed)


def _as_csv(changed: list[ChangedCase]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ChangedCase._fields)
    writer.writerows(changed)
    return text.getvalue()
