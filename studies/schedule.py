"""Which trials may run beside each other, and what the place of each may depend on."""

from __future__ import annotations

from typing import NamedTuple


class Schedule(NamedTuple):
    """The order in which the trials of a study are handed out.

    Given trials come first, by themselves: without the current weights nothing can be compared.
    A synchronous study goes on in batches, each placed by what the batches before it have found:
    any number of workers runs the same trials. Otherwise a trial is placed by whatever is there.

    Attributes
    ----------
    n_given : int
        The current weights and those of a warm start.
    n_places : int or None
        Trials that a strategy can propose beyond these; None of no end.
    batch_size : int or None
        Trials that are placed together; None when the study is not synchronous.
    is_sequential : bool
        Whether each trial is judged by all before it, so that none may run beside another.
    """

    n_given: int = 1
    n_places: int | None = None
    batch_size: int | None = None
    is_sequential: bool = False

    def limit(self, budget: int) -> int:
        """Return how many trials of a budget can be run."""
        return budget if self.n_places is None else min(budget, self.n_given + self.n_places)

    def next_block(self, first: int, n_done: int, n_wanted: int, budget: int) -> range:
        """Return the numbers, from `first` on, that a worker may run now; empty when it must wait.

        Parameters
        ----------
        first : int
            The first number that nobody has.
        n_done : int
            Trials that are done, without a gap.
        n_wanted : int
            Trials that the worker would take.
        budget : int
        """
        stop = min(first + n_wanted, self.limit(budget))
        if n_done < min(first, self.n_given) or (self.is_sequential and n_done < first):
            return range(first, first)
        if first < self.n_given:
            return range(first, max(first, min(self.n_given, self.limit(budget))))
        if self.batch_size is None:
            return range(first, max(first, stop))
        begin = self.batch_begin(first)
        if n_done < begin:
            return range(first, first)
        share = max(1, self.batch_size // 4)
        return range(first, max(first, min(stop, first + share, begin + self.batch_size)))

    def batch_begin(self, number: int) -> int:
        """Return the number of the first trial of its batch: those before it are known to it."""
        if self.batch_size is None or number < self.n_given:
            return number
        return number - (number - self.n_given) % self.batch_size

    def lane(self, number: int, lane: int) -> int:
        """Return the lane of a trial, for a worker that is in `lane`."""
        if self.batch_size is None:
            return lane
        return max(0, number - self.n_given) % self.batch_size
