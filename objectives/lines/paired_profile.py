"""Which cases a line wins and loses against its origin, in every interval of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.bank.labelled_bank import is_gold
from objectives.bank.trial_bank import winner_codes
from objectives.lines.line_profile import join_changes, line_changes, profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from objectives.bank.trial_bank import Block
    from objectives.lines.line import Line
    from objectives.lines.line_profile import LineChanges


class PairedCounts(NamedTuple):
    """New against old weights, case by case.

    Attributes
    ----------
    correct : ndarray of int64, shape (..., n_groups)
        Cases that the new weights get right.
    wins, losses : ndarray of int64, shape (..., n_groups)
        Cases that only the new, and only the old weights get right.
    """

    correct: NDArray[np.int64]
    wins: NDArray[np.int64]
    losses: NDArray[np.int64]


class PairedProfile(NamedTuple):
    """What holds in each interval of a line, compared with its origin.

    Attributes
    ----------
    edges : ndarray of float64, shape (n_intervals + 1,)
        As in `objectives.lines.line_profile.Profile`.
    counts : PairedCounts
        Of shape (n_intervals, n_groups).
    critical : ndarray of int64, shape (n_intervals, n_kinds)
        Cases whose winner is dangerous, by kind.
    """

    edges: NDArray[np.float64]
    counts: PairedCounts
    critical: NDArray[np.int64]


class PairedChanges(NamedTuple):
    """Where winners change on a line, and what its origin gets right; joins in any order.

    Attributes
    ----------
    changes : LineChanges
        With every group in two: what the origin gets wrong, and behind all of these what it gets
        right.
    n_right : ndarray of int64, shape (n_groups,)
        Cases that the origin gets right.
    """

    changes: LineChanges
    n_right: NDArray[np.int64]


def paired_changes(blocks: Sequence[Block], line: Line) -> PairedChanges:
    """Follow the winners of all cases along a line, apart by what its origin gets right.

    Parameters
    ----------
    blocks : sequence of Block
        At least one, with at least one case each.
    line : Line
        With ``low < high``.
    """
    n_groups = len(blocks[0].members)
    halved = []
    n_right = np.zeros(n_groups, dtype=np.int64)
    for block in blocks:
        was_right = is_gold(winner_codes(block, line.origin))
        n_right += np.bincount(block.groups[was_right], minlength=n_groups)
        halved.append(block._replace(groups=block.groups + n_groups * was_right))
    return PairedChanges(line_changes(halved, line, 2 * n_groups), n_right)


def join_paired_changes(parts: Iterable[PairedChanges]) -> PairedChanges:
    """Put the changes of several sets of cases together."""
    changes, n_right = zip(*parts, strict=True)
    return PairedChanges(join_changes(changes), np.sum(n_right, axis=0))


def paired_profile(found: PairedChanges, line: Line) -> PairedProfile:
    """Find all intervals of a line, with what each wins and loses against the origin.

    Right cases among those that the origin gets wrong are wins, wrong cases among those that it
    gets right are losses.
    """
    edges, correct, critical = profile(found.changes, line)
    wins, kept = np.hsplit(correct, 2)
    return PairedProfile(edges, PairedCounts(wins + kept, wins, found.n_right - kept), critical)


def paired_counts(
    blocks: Sequence[Block], old: NDArray[np.float32], new: NDArray[np.float32]
) -> PairedCounts:
    """Compare the winners of two coefficient vectors, shape (n_groups,).

    Parameters
    ----------
    blocks : sequence of Block
        At least one.
    old, new : ndarray of float32, shape (n_features,)
    """
    n_groups = len(blocks[0].members)
    counts = np.zeros((3, n_groups), dtype=np.int64)
    for block in blocks:
        was_right, is_right = (is_gold(winner_codes(block, vector)) for vector in (old, new))
        counted = (is_right, is_right & ~was_right, was_right & ~is_right)
        counts += [np.bincount(block.groups[one], minlength=n_groups) for one in counted]
    return PairedCounts(*counts)
