"""The objective along a line: every interval in which nothing changes, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.bank.labelled_bank import critical_kinds, is_gold
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.lines.upper_envelope import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from objectives.bank.trial_bank import Block
    from objectives.lines.line import Line


class Profile(NamedTuple):
    """What holds in each interval of a line.

    Attributes
    ----------
    edges : ndarray of float64, shape (n_intervals + 1,)
        From ``low`` to ``high``, rising; an interval is open at both ends.
    correct : ndarray of int64, shape (n_intervals, n_groups)
        Cases of each group whose winner is the gold row.
    critical : ndarray of int64, shape (n_intervals, n_kinds)
        Cases whose winner is dangerous, by kind.
    """

    edges: NDArray[np.float64]
    correct: NDArray[np.int64]
    critical: NDArray[np.int64]


class LineChanges(NamedTuple):
    """Where the winners of some cases change in what they count as; joins in any order.

    Attributes
    ----------
    at : ndarray of float64, shape (n_changes,)
    before, after : ndarray of uint8, shape (n_changes,)
        Codes of the winners on the sides of ``low`` and of ``high``.
    groups : ndarray of int32, shape (n_changes,)
    n_beside : ndarray of int64, shape (n_groups + n_kinds,)
        Cases that are right, by group, and dangerous, by kind, right beside the origin on the
        side of ``high``.
    """

    at: NDArray[np.float64]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    groups: NDArray[np.int32]
    n_beside: NDArray[np.int64]


def line_changes(blocks: Iterable[Block], line: Line, n_groups: int) -> LineChanges:
    """Follow the winners of all cases along a line.

    Parameters
    ----------
    blocks : iterable of Block
        At least one, with at least one case each.
    line : Line
        With ``low < high``.
    n_groups : int
    """
    return join_changes(_changes(block, line, n_groups) for block in blocks)


def join_changes(parts: Iterable[LineChanges]) -> LineChanges:
    """Put the changes of several sets of cases together."""
    *columns, n_beside = zip(*parts, strict=True)
    at, before, after, groups = map(np.concatenate, columns)
    return LineChanges(at, before, after, groups, np.sum(n_beside, axis=0))


def profile(changes: LineChanges, line: Line) -> Profile:
    """Find all intervals of a line."""
    at, before, after, groups, n_beside = changes
    order = np.argsort(at, kind="stable")
    at, before, after, groups = at[order], before[order], after[order], groups[order]
    n_groups = len(n_beside) - len(CRITICAL_KINDS)
    steps = _counts(after, groups, n_groups) - _counts(before, groups, n_groups)
    counts = np.cumsum(steps, axis=0)
    last = np.flatnonzero(np.diff(at, append=np.inf) > 0)  # of the changes at one place
    counts = np.vstack([np.zeros_like(n_beside), counts[last]])
    counts += n_beside - counts[np.searchsorted(at[last], 0.0, side="right")]
    edges = np.concatenate([[line.low], at[last], [line.high]])
    has_width = np.diff(edges) > 0  # the origin may be an end of the line
    edges, counts = np.concatenate([[line.low], edges[1:][has_width]]), counts[has_width]
    return Profile(edges, counts[:, :n_groups], counts[:, n_groups:])


def _changes(block: Block, line: Line, n_groups: int) -> LineChanges:
    intercepts, slopes = block.features @ line.origin, block.features @ line.direction
    right, left = walk(intercepts, slopes, line.high), walk(intercepts, -slopes, -line.low)
    aside = np.flatnonzero(left.first != right.first)  # tied at the origin itself
    cases = np.concatenate([left.cases, aside, right.cases])
    at = np.concatenate([-left.distances, np.zeros(len(aside)), right.distances])
    before = block.codes[np.concatenate([left.farther, left.first[aside], right.nearer]), cases]
    after = block.codes[np.concatenate([left.nearer, right.first[aside], right.farther]), cases]
    differs = before != after
    beside = block.codes[right.first, np.arange(block.codes.shape[1])]
    groups = block.groups[cases[differs]].astype(np.int32)
    n_right = np.bincount(block.groups[is_gold(beside)], minlength=n_groups)
    n_beside = np.concatenate([n_right, critical_kinds(beside).sum(axis=0)])
    return LineChanges(at[differs], before[differs], after[differs], groups, n_beside)


def _counts(
    codes: NDArray[np.uint8], groups: NDArray[np.integer], n_groups: int
) -> NDArray[np.int64]:
    """Count each case for its group where it is right, and for each kind of danger."""
    correct = (groups[:, None] == np.arange(n_groups)) & is_gold(codes)[:, None]
    return np.hstack([correct, critical_kinds(codes)]).astype(np.int64)
