"""What an objective asks of its cases, be they in this process or in shards elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from typing_extensions import override

from objectives.bank.trial_bank import BLOCK, Part, ShardSummary, Tally, TrialBank
from objectives.shards.questions import AnswerT, Questions, TrialQuestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from objectives.shards.questions import Question

TallyAt = Callable[[int, "NDArray[np.intp] | slice"], Tally]  # of a segment, for some vectors
_N_FULL = 4 * BLOCK  # cases of a segment, on average, whose blocks are nearly all full


class CaseCounts(ABC):
    """Integers that add up over cases.

    Attributes
    ----------
    summary : ShardSummary
        Of all cases.
    """

    summary: ShardSummary

    @abstractmethod
    def tallies(self, coefficients: NDArray[np.float32]) -> TallyAt:
        """Score weight vectors, shape (n_vectors, n_features), segment by segment."""

    @abstractmethod
    def answers(self, questions: Sequence[Question[AnswerT]]) -> Iterator[AnswerT]:
        """Answer for all cases; all questions take one round, where there are rounds."""

    def answer(self, question: Question[AnswerT]) -> AnswerT:
        """Answer one question for all cases."""
        (answer,) = self.answers([question])
        return answer


SpreadCases = Callable[[Sequence[Part], int, int], CaseCounts]
"""Lays out parts with so many groups and segments."""


class LocalCounts(CaseCounts):
    """Cases in this process, scored no sooner than they are asked for.

    Parameters
    ----------
    parts : sequence of Part
        With at least one case.
    n_groups, n_segments : int
    """

    def __init__(self, parts: Sequence[Part], n_groups: int, n_segments: int) -> None:
        self._parts = parts
        self._bank = TrialBank.of(parts, n_groups, n_segments)
        self.summary = self._bank.summary

    @cached_property
    def _whole(self) -> TrialBank:
        """All cases in few blocks, for what needs no segments; many small blocks are slow."""
        n_segments = len(self._bank.segments)
        if self.summary.n_cases.sum() > _N_FULL * n_segments:
            return self._bank
        parts = [part._replace(segments=np.zeros_like(part.segments)) for part in self._parts]
        return TrialBank.of(parts, self._bank.n_groups, 1)

    @override
    def tallies(self, coefficients: NDArray[np.float32]) -> TallyAt:
        return lambda segment, wanted: self._bank.tally(segment, coefficients[wanted])

    @override
    def answers(self, questions: Sequence[Question[AnswerT]]) -> Iterator[AnswerT]:
        return (question.answer(self._whole) for question in questions)


class Ask(Protocol):
    """Puts a question to every shard."""

    def __call__(self, question: Question[AnswerT], /) -> Iterable[AnswerT]:
        """Yield the answer of each shard once, in any order."""
        ...


class ShardedCounts(CaseCounts):
    """Cases in shards elsewhere; whatever is asked takes one round.

    Parameters
    ----------
    ask : Ask
    summaries : sequence of ShardSummary
        Of every shard.
    """

    def __init__(self, ask: Ask, summaries: Sequence[ShardSummary]) -> None:
        self._ask = ask
        self._n_shards = len(summaries)
        self.summary = ShardSummary(
            *(np.sum(column, axis=0) for column in zip(*summaries, strict=True))
        )

    @override
    def tallies(self, coefficients: NDArray[np.float32]) -> TallyAt:
        counts = self._merged(TrialQuestion(coefficients))
        return lambda segment, wanted: Tally(*(column[segment, wanted] for column in counts))

    @override
    def answers(self, questions: Sequence[Question[AnswerT]]) -> Iterator[AnswerT]:
        merged: list[AnswerT] = self._merged(Questions(tuple(questions)))
        return iter(merged)

    def _merged(self, question: Question[AnswerT]) -> AnswerT:
        answers = list(self._ask(question))
        if len(answers) != self._n_shards:
            raise RuntimeError(f"{len(answers)} of {self._n_shards} shards have answered")
        return question.merge(answers)
