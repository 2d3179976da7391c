"""``radtune compare``: the same cases under two configurations."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from objectives.configuration import resolve
from scripts.shared.console import (
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    load_and_warn,
    print_json,
    warn,
    warn_bad_records,
)
from studies import compare as comparing
from studies.compare import Change, ChangedCase
from support.atomic_files import spare_inputs, write_whole

if TYPE_CHECKING:
    from studies.compare import ComparedSites, Comparison, Difference

_N_SHOWN = 10
_IN_SAMPLE = "tuning sites (in-sample: at least one configuration was tuned on them)"


def compare(
    config_a: Annotated[Path, typer.Argument(help="Configuration A.")],
    config_b: Annotated[Path, typer.Argument(help="Configuration B.")],
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    output: Annotated[
        Path | None, typer.Option(help="CSV file for every changed case. [default: none]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two configurations on the same cases.

    Shows which answers are fixed, broken and dangerous. Shares are in [0, 1]. A difference is B
    minus A, with its 95% interval. "At most" is a one-sided upper bound. Tuning sites are shown
    apart from other sites. Test sites are left out.
    """
    if output:
        spare_inputs(output, map(resolve, (config_a, config_b, *(dataset or []))))
    for config in (config_a, config_b):
        load_and_warn(config)
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
    lines = [
        *_block(_IN_SAMPLE, found.in_sample),
        *_block("other sites", found.held_out),
        "changed cases, all sites",
        "  " + ", ".join(f"{change}: {_count(found, change)}" for change in Change),
    ]
    for case in found.changed[:_N_SHOWN]:
        danger = f" ({case.critical_b})" if case.critical_b else ""
        lines.append(
            f"  {case.change}: {case.exam_name} [{case.modality_code}] at {case.site}, "
            f"gold {case.gold or 'none'}; A {case.status_a} {case.answer_a} -> "
            f"B {case.status_b} {case.answer_b}{danger}; {case.decided_by}"
        )
    if len(found.changed) > _N_SHOWN:
        where = f"in {output}" if output else "with --output FILE.csv"
        lines.append(f"  ... all {len(found.changed):,} {where}")
    typer.echo("\n".join(lines))


def _block(title: str, at: ComparedSites | None) -> list[str]:
    """Return the lines about some sites and an empty one; only that there is no case without."""
    if at is None:
        return [f"{title}: no labelled case", ""]
    a, b = at.decisions_a.overall, at.decisions_b.overall
    wrong = (_share(x.n_wrong_accepted, x.n_accepted, x.error_upper_bound) for x in (a, b))
    dangerous = (
        _share(x.n_cases, x.n_accepted, x.upper_bound)
        for x in (at.critical_accepted_a, at.critical_accepted_b)
    )
    return [
        f"{title}: {', '.join(at.sites)}",
        f"  cases: {at.n_cases:,} ({at.n_answerable:,} answerable)",
        f"  {_line('accuracy@1', at.accuracy_at_1)}, McNemar p = {at.p_value:.2g}",
        f"  {_line('coverage', at.coverage)}",
        f"  accepted wrong: {' -> '.join(wrong)}",
        f"  {_line('critical errors', at.critical)}",
        f"  accepted critical errors: {' -> '.join(dangerous)}",
        _row("critical errors by kind", "first-ranked", "accepted"),
        *(
            _row(
                f"  {kind}",
                f"{a.critical.by_kind[kind]} -> {b.critical.by_kind[kind]}",
                f"{a.critical_accepted.by_kind[kind]} -> {b.critical_accepted.by_kind[kind]}",
            )
            for kind in a.critical.by_kind
        ),
        "",
    ]


def _row(name: str, first_ranked: str, accepted: str) -> str:
    return f"  {name:<24}{first_ranked:>16}{accepted:>16}"


def _share(n: int, n_accepted: int, bound: float) -> str:
    return f"{n:,} of {n_accepted:,} ({n / max(n_accepted, 1):.4f}, at most {bound:.4f})"


def _line(name: str, of: Difference | None) -> str:
    if of is None:
        return f"{name}: no answerable case"
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
