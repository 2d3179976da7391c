"""What ``make bench-large`` says: measured, and apart from that what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.large_verbs import BANK, LAY_OUT, LINE, MAP, N_WORKERS, TRAIN, TRIAL

if TYPE_CHECKING:
    from collections.abc import Sequence

ALONE, WORKERS = "one process", "two compute workers"
ONCE, AT_ONCE = "one of two processes", "two processes at once"
_TARGET_GROWTH = 1.2
_TARGET_MB = 2048
_TARGET_OF_CEILING = 0.9
_MANY_WORKERS = (4, 10)


class Row(NamedTuple):
    """A measured figure.

    Attributes
    ----------
    what, side : str
    n_cases : int
    seconds : float
    peak_mb : float
        Anonymous memory of the largest process.
    outcome : str
    new : float or None
        As `benchmarks.large_verbs.Found`.
    """

    what: str
    side: str
    n_cases: int
    seconds: float
    peak_mb: float
    outcome: str = ""
    new: float | None = None


class _Measured:
    """The figures by what, side and size."""

    def __init__(self, rows: Sequence[Row], sizes: Sequence[int]) -> None:
        self._rows = {(row.what, row.side, row.n_cases): row for row in rows}
        self.few, self.many = sizes[0], sizes[-1]
        self.n_ceiling = next(row.n_cases for row in rows if row.side == AT_ONCE)

    def row(self, what: str, side: str, n_cases: int) -> Row:
        return self._rows[what, side, n_cases]

    def seconds(self, what: str, side: str, n_cases: int) -> float:
        return self.row(what, side, n_cases).seconds

    def ceiling(self, what: str) -> float:
        """How many times the work of one process two get done at the same time."""
        one, two = (self.seconds(what, side, self.n_ceiling) for side in (ONCE, AT_ONCE))
        return 2 * one / two

    def gain(self, what: str, n_cases: int) -> float:
        """How many times as fast two compute workers are as one process."""
        return self.seconds(what, ALONE, n_cases) / self.seconds(what, WORKERS, n_cases)

    def slope(self, what: str, side: str) -> tuple[float, float]:
        """Return the seconds of a round without cases, and of each case."""
        few, many = (self.seconds(what, side, n) for n in (self.few, self.many))
        each = (many - few) / (self.many - self.few)
        return few - each * self.few, each


def report(rows: Sequence[Row], sizes: Sequence[int]) -> str:
    """Write the section: two tables of what was measured, one of what is projected."""
    found = _Measured(rows, sizes)
    return "\n\n".join([_costs(rows, found), _gains(found), _projected(found)])


def _costs(rows: Sequence[Row], found: _Measured) -> str:
    lines = [
        "### Measured: what a case costs",
        "",
        f"| what | by | cases | seconds | microseconds a case | times that of {found.few:,} (at "
        f"most {_TARGET_GROWTH}) | anonymous memory of the largest process, MB (at most "
        f"{_TARGET_MB:,}) | new readings |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: row.n_cases):
        if row.side not in {ALONE, WORKERS}:
            continue
        each = row.seconds / row.n_cases
        first = found.row(row.what, row.side, found.few)
        growth = each / (first.seconds / first.n_cases)
        new = "" if row.new is None else f"{row.new:.1%}"
        lines.append(
            f"| {row.what} | {row.side} | {row.n_cases:,} | {row.seconds:,.3f} "
            f"| {1e6 * each:,.2f} | {growth:.2f} | {row.peak_mb:,.0f} | {new} |"
        )
    return "\n".join(lines)


def _gains(found: _Measured) -> str:
    lines = [
        "### Measured: what two compute workers gain",
        "",
        f"The ceiling is what two processes get done at the same time that have nothing to do "
        f"with each other ({found.n_ceiling:,} cases each), as times the work of one alone.",
        "",
        "| what | cases | times as fast as one process | ceiling | of the ceiling (at least "
        f"{_TARGET_OF_CEILING} for the most cases) |",
        "|---|---|---|---|---|",
    ]
    for what in (BANK, MAP, TRIAL, LINE):
        for n_cases in (found.few, found.many):
            gain = found.gain(what, n_cases)
            ends = "| | |"
            if what in (BANK, MAP):
                ceiling = found.ceiling(what)
                ends = f"| {ceiling:.2f} | {gain / ceiling:.2f} |"
            lines.append(f"| {what} | {n_cases:,} | {gain:.2f} {ends}")
    return "\n".join(lines)


def _projected(found: _Measured) -> str:
    lines = [
        "### Projected, not measured",
        "",
        f"From the two sizes above: a round on {N_WORKERS} workers takes r seconds and w for each "
        "case, one process a for each case. Workers pay from r / (a - w) cases on. N workers on "
        f"as many cores would take r + {N_WORKERS} w n / N for n cases.",
        "",
        f"| what | a | r | w | {N_WORKERS} workers pay from | "
        + " | ".join(f"{n} workers, {found.many:,} cases" for n in _MANY_WORKERS)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(_MANY_WORKERS),
    ]
    for what in (TRIAL, LINE):
        _, alone = found.slope(what, ALONE)
        a_round, each = found.slope(what, WORKERS)
        pays = f"{max(0.0, a_round) / (alone - each):,.0f} cases" if each < alone else "never"
        then = [
            found.seconds(what, ALONE, found.many) / (a_round + N_WORKERS * each * found.many / n)
            for n in _MANY_WORKERS
        ]
        lines.append(
            f"| {what} | {1e6 * alone:.2f} us | {1000 * a_round:.1f} ms | {1e6 * each:.2f} us "
            f"| {pays} | " + " | ".join(f"{gain:.1f} times as fast" for gain in then) + " |"
        )
    train = [found.seconds(what, ALONE, found.many) for what in (BANK, TRAIN)]
    on_workers = found.seconds(BANK, WORKERS, found.many) + train[1]
    lines += [
        "",
        f"`train` with its bank still to be computed, {found.many:,} cases: {sum(train):,.0f} s "
        f"by one process, {on_workers:,.0f} s with {N_WORKERS} compute workers for the bank (sums "
        f"of the rows above). Before the first trial, {N_WORKERS} workers lay out their cases in "
        f"{found.seconds(LAY_OUT, WORKERS, found.many):,.0f} s.",
    ]
    return "\n".join(lines)
