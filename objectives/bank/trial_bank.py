"""The facts laid out for trials: only candidates that can win, candidate after candidate.

Most candidates of a name can be ranked first by no configuration at all: an earlier candidate is
at least as good in every direction that coefficients can take. They are left out, which changes
no winner (ties go to the earlier candidate) and leaves a quarter of the numbers to read. What
remains stands candidate-major in blocks that fit the cache, so that one pass with a running
maximum finds the winners, of one weight vector or of hundreds at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.coefficients import coefficient_rays
from objectives.bank.labelled_bank import GOLD, critical_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from objectives.bank.labelled_bank import LabelledBank

BLOCK = 1024  # cases
_FEW = 256  # cases of a block that are scored with many vectors at a time
_MANY = 256  # vectors at a time
_N_CODES = 256
_KINDS_OF_CODE = critical_kinds(np.arange(_N_CODES, dtype=np.uint8)).astype(np.int64)


class Part(NamedTuple):
    """Cases that go into a trial bank.

    Attributes
    ----------
    labelled : LabelledBank
    groups : ndarray of intp, shape (n_cases,)
        What each case is tallied under (a site, the sanity set).
    segments : ndarray of intp, shape (n_cases,)
        After how many others each case is scored: a rung of the objective.
    """

    labelled: LabelledBank
    groups: NDArray[np.intp]
    segments: NDArray[np.intp]


class Tally(NamedTuple):
    """What weight vectors get right and wrong in one segment.

    Attributes
    ----------
    correct : ndarray of int64, shape (n_vectors, n_groups)
        Cases whose winner is the gold row.
    critical : ndarray of int64, shape (n_vectors,)
        Cases whose winner is dangerous in at least one way.
    critical_by_kind : ndarray of int64, shape (n_vectors, n_kinds)
    """

    correct: NDArray[np.int64]
    critical: NDArray[np.int64]
    critical_by_kind: NDArray[np.int64]


class Block(NamedTuple):
    """Neighbouring cases of one segment.

    Attributes
    ----------
    features : ndarray of float32, shape (n_candidates, n_cases, n_features)
        The first candidate fills up where a case has fewer; it wins no tie twice.
    codes : ndarray of uint8, shape (n_candidates, n_cases)
        As `objectives.bank.labelled_bank.Labels`.
    groups : ndarray of intp, shape (n_cases,)
        What each case is tallied under.
    members : ndarray of float32, shape (n_groups, n_cases)
        1 where a case belongs to a group.
    n_left : ndarray of intp, shape (n_cases,)
        Candidates of each case that can win, rising.
    """

    features: NDArray[np.float32]
    codes: NDArray[np.uint8]
    groups: NDArray[np.intp]
    members: NDArray[np.float32]
    n_left: NDArray[np.intp]


class ShardSummary(NamedTuple):
    """What is known of cases before any weights; adds up over shards.

    Attributes
    ----------
    n_cases : ndarray of int64, shape (n_segments, n_groups)
    n_reachable : ndarray of int64, shape (n_segments, n_groups)
        Cases whose gold row some configuration may rank first.
    n_found : ndarray of int64, shape (n_groups,)
        Cases whose gold row is among the candidates.
    n_candidates : int
        Candidates that can win, of all cases together.
    """

    n_cases: NDArray[np.int64]
    n_reachable: NDArray[np.int64]
    n_found: NDArray[np.int64]
    n_candidates: int


class TrialBank(NamedTuple):
    """Cases laid out for trials, segment by segment: a shard of a study's cases, or all of them.

    Attributes
    ----------
    summary : ShardSummary
    segments : sequence of sequence of Block
    """

    summary: ShardSummary
    segments: Sequence[Sequence[Block]]

    @classmethod
    def of(cls, parts: Sequence[Part], n_groups: int, n_segments: int) -> TrialBank:
        """Lay out cases, at least one; a segment, a group or a part may have none."""
        n_cases = np.zeros((n_segments, n_groups), dtype=np.int64)
        n_reachable, n_found = np.zeros_like(n_cases), np.zeros(n_groups, dtype=np.int64)
        segments: list[list[Block]] = [[] for _ in range(n_segments)]
        n_candidates = 0
        for part in parts:
            can_win, is_gold = _can_win(part.labelled), part.labelled.labels.is_gold
            n_left = can_win.sum(axis=1)
            n_candidates += int(n_left.sum())
            np.add.at(n_found, part.groups[is_gold.any(axis=1)], 1)
            reachable = (is_gold & can_win).any(axis=1)
            np.add.at(n_cases, (part.segments, part.groups), 1)
            np.add.at(n_reachable, (part.segments[reachable], part.groups[reachable]), 1)
            order = np.lexsort((n_left, part.segments))
            for segment, blocks in enumerate(segments):
                inside = order[part.segments[order] == segment]
                for start in range(0, len(inside), BLOCK):
                    cases = inside[start : start + BLOCK]
                    blocks.append(_block(part, cases, can_win[cases], n_groups))
        return cls(ShardSummary(n_cases, n_reachable, n_found, n_candidates), segments)

    @property
    def n_groups(self) -> int:
        """What the cases are tallied under."""
        return len(self.summary.n_found)

    @property
    def blocks(self) -> list[Block]:
        """All cases, a block that fits the cache at a time."""
        return [block for blocks in self.segments for block in blocks]

    def tally(self, segment: int, coefficients: NDArray[np.float32]) -> Tally:
        """Score the cases of one segment.

        Parameters
        ----------
        segment : int
        coefficients : ndarray of float32, shape (n_vectors, n_features)
        """
        if len(coefficients) <= _MANY:
            return self._tally(segment, coefficients)
        tallies = [
            self._tally(segment, coefficients[start : start + _MANY])
            for start in range(0, len(coefficients), _MANY)
        ]
        return Tally(*(np.concatenate(column) for column in zip(*tallies, strict=True)))

    def _tally(self, segment: int, coefficients: NDArray[np.float32]) -> Tally:
        n_vectors = len(coefficients)
        # Sums of ones are exact in float32 below 2**24.
        correct = np.zeros((self.n_groups, n_vectors), dtype=np.float32)
        dangers = []  # rare: number of the vector x 256 + code
        for block in self.segments[segment]:
            for here, codes in _winning_codes(block, coefficients):
                correct += block.members[:, here] @ (codes & GOLD).astype(np.float32)
                flat = codes.ravel()
                found = np.flatnonzero(flat > GOLD)
                dangers.append((found % n_vectors) * _N_CODES + flat[found])
        found = np.concatenate(dangers or [np.zeros(0, dtype=np.intp)])
        counts = np.bincount(found, minlength=n_vectors * _N_CODES)
        by_code = counts.reshape(n_vectors, _N_CODES)
        return Tally(
            correct.T.astype(np.int64),
            by_code.sum(axis=1),
            by_code @ _KINDS_OF_CODE,
        )


def winnable(features: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which candidates some configuration may rank first.

    A candidate is out when one before it, in tie-break order, falls behind it in no ray of the
    coefficients. The one before then scores at least as much under every configuration, and wins
    the tie.

    Parameters
    ----------
    features : ndarray of float32, shape (n_cases, top_k, n_features)

    Returns
    -------
    ndarray of bool, shape (n_cases, top_k)
        The first candidate is always in.
    """
    along = features @ coefficient_rays().T
    can_win = np.ones(features.shape[:2], dtype=np.bool_)
    for later in range(1, features.shape[1]):
        ahead = np.all(along[:, :later] >= along[:, later, None], axis=-1)
        can_win[:, later] = ~ahead.any(axis=1)
    return can_win


def _can_win(labelled: LabelledBank) -> NDArray[np.bool_]:
    """Tell which candidates can win, shape (n_cases, top_k)."""
    can_win = np.zeros(labelled.labels.codes.shape, dtype=np.bool_)
    for here, facts in labelled.blocks():
        can_win[here] = winnable(facts.features)
    return can_win


def _block(
    part: Part, cases: NDArray[np.intp], can_win: NDArray[np.bool_], n_groups: int
) -> Block:
    labelled = part.labelled
    n_left = can_win.sum(axis=1)
    n_most = int(n_left.max())
    first = np.argsort(~can_win, axis=1, kind="stable")[:, :n_most]
    first[~np.take_along_axis(can_win, first, axis=1)] = 0
    features = labelled.bank.features[labelled.chosen[cases]]
    features = np.take_along_axis(features, first[..., None], axis=1)
    codes = np.take_along_axis(labelled.labels.codes[cases], first, axis=1)
    return Block(
        np.ascontiguousarray(features.transpose(1, 0, 2)),
        np.ascontiguousarray(codes.T),
        part.groups[cases],
        members_of(part.groups[cases], n_groups),
        n_left,
    )


def members_of(groups: NDArray[np.intp], n_groups: int) -> NDArray[np.float32]:
    """Return the members of groups, as `Block` has them."""
    belongs: NDArray[np.bool_] = groups == np.arange(n_groups)[:, None]
    return belongs.astype(np.float32)


def _winning_codes(
    block: Block, coefficients: NDArray[np.float32]
) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield which cases of a block and the codes of their winners, (n_cases, n_vectors)."""
    n_cases = block.codes.shape[1]
    if len(coefficients) == 1:
        yield slice(0, n_cases), winner_codes(block, coefficients[0])[:, None]
        return
    vectors = np.ascontiguousarray(coefficients.T)
    for start in range(0, n_cases, _FEW):
        here = slice(start, min(start + _FEW, n_cases))
        used = slice(block.n_left[here.stop - 1])
        yield here, _winners_of_many(block.features[used, here], block.codes[used, here], vectors)


def winner_codes(block: Block, vector: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the codes of the winners under one coefficient vector, shape (n_cases,)."""
    first = np.argmax(block.features @ vector, axis=0)
    winner: NDArray[np.uint8] = block.codes[first, np.arange(len(first))]
    return winner


def _winners_of_many(
    features: NDArray[np.float32], codes: NDArray[np.uint8], vectors: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Score a few cases with every column of `vectors`, shape (n_features, n_vectors)."""
    best = features[0] @ vectors
    winner = np.empty(best.shape, dtype=np.uint8)
    winner[:] = codes[0, :, None]
    scores, is_better = np.empty_like(best), np.empty(best.shape, dtype=np.bool_)
    every_bit, change = is_better.view(np.uint8), np.empty_like(winner)
    for candidate in range(1, len(features)):
        np.matmul(features[candidate], vectors, out=scores)
        np.greater(scores, best, out=is_better)
        np.maximum(scores, best, out=best)
        # winner = code where it is better: bit by bit, three times as fast as a masked copy
        np.negative(every_bit, out=every_bit)
        np.bitwise_xor(winner, codes[candidate, :, None], out=change)
        np.bitwise_and(change, every_bit, out=change)
        np.bitwise_xor(winner, change, out=winner)
    return winner
