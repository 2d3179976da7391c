"""The objective along a line: every interval in which nothing changes, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.envelope import walk
from objectives.labelled_bank import critical_kinds, is_gold
from objectives.truth import CRITICAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from objectives.lines import Line
    from objectives.trial_bank import Block


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


def profile(blocks: Sequence[Block], line: Line) -> Profile:
    """Find all intervals of a line.

    Parameters
    ----------
    blocks : sequence of Block
        At least one, with at least one case each.
    line : Line
        With ``low < high``.
    """
    parts = [_changes(block, line) for block in blocks]
    beside = np.sum([part.beside for part in parts], axis=0)
    at = np.concatenate([part.at for part in parts])
    order = np.argsort(at, kind="stable")
    at = at[order]
    counts = np.cumsum(np.concatenate([part.steps for part in parts])[order], axis=0)
    last = np.flatnonzero(np.diff(at, append=np.inf) > 0)  # of the changes at one place
    counts = np.vstack([np.zeros_like(beside), counts[last]])
    counts += beside - counts[np.searchsorted(at[last], 0.0, side="right")]
    edges = np.concatenate([[line.low], at[last], [line.high]])
    has_width = np.diff(edges) > 0  # the origin may be an end of the line
    edges, counts = np.concatenate([[line.low], edges[1:][has_width]]), counts[has_width]
    n_groups = len(beside) - len(CRITICAL_KINDS)
    return Profile(edges, counts[:, :n_groups], counts[:, n_groups:])


class _Part(NamedTuple):
    """What changes in one block.

    Attributes
    ----------
    beside : ndarray of int64, shape (n_counts,)
        Counts of groups and kinds right beside the origin, on the side of ``high``.
    at : ndarray of float64, shape (n_changes,)
    steps : ndarray of int64, shape (n_changes, n_counts)
        Added to the counts when a place is passed towards ``high``.
    """

    beside: NDArray[np.int64]
    at: NDArray[np.float64]
    steps: NDArray[np.int64]


def _changes(block: Block, line: Line) -> _Part:
    intercepts, slopes = block.features @ line.origin, block.features @ line.direction
    right, left = walk(intercepts, slopes, line.high), walk(intercepts, -slopes, -line.low)
    everyone = np.arange(block.codes.shape[1])
    cases = np.concatenate([left.cases, everyone, right.cases])
    at = np.concatenate([-left.distances, np.zeros(len(everyone)), right.distances])
    before = block.codes[np.concatenate([left.farther, left.first, right.nearer]), cases]
    after = block.codes[np.concatenate([left.nearer, right.first, right.farther]), cases]
    differs = before != after
    cases, before, after = cases[differs], before[differs], after[differs]
    groups = block.groups[cases]
    steps = _counts(after, groups, block) - _counts(before, groups, block)
    beside = _counts(block.codes[right.first, everyone], block.groups, block).sum(axis=0)
    return _Part(beside, at[differs], steps)


def _counts(codes: NDArray[np.uint8], groups: NDArray[np.intp], block: Block) -> NDArray[np.int64]:
    """Count each case for its group where it is right, and for each kind of danger."""
    correct = (groups[:, None] == np.arange(len(block.members))) & is_gold(codes)[:, None]
    return np.hstack([correct, critical_kinds(codes)]).astype(np.int64)
