"""What may be asked of a shard of cases; answers of several shards merge in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from objectives.bank.trial_bank import Tally
from objectives.lines.line_profile import LineChanges, join_changes, line_changes
from objectives.lines.margin_gradient import margin_gradient
from objectives.lines.paired_profile import (
    PairedChanges,
    PairedCounts,
    join_paired_changes,
    paired_changes,
    paired_counts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from objectives.bank.trial_bank import TrialBank
    from objectives.lines.line import Line

AnswerT = TypeVar("AnswerT")


class Question(Protocol[AnswerT]):
    """Something small that travels to where the cases are.

    Answers merge to the same bit for bit, whatever cases each is about and in any order. What is
    merged may be merged again.
    """

    def answer(self, shard: TrialBank) -> AnswerT:
        """Answer for the cases of one shard, at least one."""
        ...

    def merge(self, answers: Iterable[AnswerT]) -> AnswerT:
        """Put the answers of shards, at least one, together."""
        ...


class TrialQuestion(NamedTuple):
    """What weight vectors get right and wrong in each segment.

    The answer is a `Tally` of arrays with one more axis in front, of shape (n_segments, ...).

    Attributes
    ----------
    coefficients : ndarray of float32, shape (n_vectors, n_features)
    """

    coefficients: NDArray[np.float32]

    def answer(self, shard: TrialBank) -> Tally:
        """Tally every segment."""
        tallies = [shard.tally(i, self.coefficients) for i in range(len(shard.segments))]
        return Tally(*map(np.stack, zip(*tallies, strict=True)))

    def merge(self, answers: Iterable[Tally]) -> Tally:
        """Add up."""
        return Tally(*(np.sum(column, axis=0) for column in zip(*answers, strict=True)))


class LineQuestion(NamedTuple):
    """Where winners change along a line."""

    line: Line

    def answer(self, shard: TrialBank) -> LineChanges:
        """Follow the winners."""
        return line_changes(shard.blocks, self.line, shard.n_groups)

    def merge(self, answers: Iterable[LineChanges]) -> LineChanges:
        """Join."""
        return join_changes(answers)


class PairedLineQuestion(NamedTuple):
    """Where winners change along a line, apart by what its origin gets right."""

    line: Line

    def answer(self, shard: TrialBank) -> PairedChanges:
        """Follow the winners."""
        return paired_changes(shard.blocks, self.line)

    def merge(self, answers: Iterable[PairedChanges]) -> PairedChanges:
        """Join."""
        return join_paired_changes(answers)


class PairedQuestion(NamedTuple):
    """How many cases only one of two coefficient vectors, (n_features,), gets right."""

    old: NDArray[np.float32]
    new: NDArray[np.float32]

    def answer(self, shard: TrialBank) -> PairedCounts:
        """Count them by group."""
        return paired_counts(shard.blocks, self.old, self.new)

    def merge(self, answers: Iterable[PairedCounts]) -> PairedCounts:
        """Add up."""
        return PairedCounts(*(np.sum(column, axis=0) for column in zip(*answers, strict=True)))


class GradientQuestion(NamedTuple):
    """Which way right rows gain on rivals closer than a margin.

    Attributes
    ----------
    coefficients : ndarray of float32, shape (n_features,)
    margin : float
        In score units, above 0.
    """

    coefficients: NDArray[np.float32]
    margin: float

    def answer(self, shard: TrialBank) -> NDArray[np.int64]:
        """Add up the ways, see `margin_gradient`; shape (n_groups, n_features)."""
        return margin_gradient(shard.blocks, self.coefficients, self.margin)

    def merge(self, answers: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Add up."""
        way: NDArray[np.int64] = np.sum(list(answers), axis=0)
        return way


class Questions(NamedTuple, Generic[AnswerT]):
    """Several questions in one round."""

    questions: tuple[Question[AnswerT], ...]

    def answer(self, shard: TrialBank) -> list[AnswerT]:
        """Answer one after the other."""
        return [question.answer(shard) for question in self.questions]

    def merge(self, answers: Iterable[list[AnswerT]]) -> list[AnswerT]:
        """Merge the answers to each."""
        columns = zip(*answers, strict=True)
        return [q.merge(column) for q, column in zip(self.questions, columns, strict=True)]
