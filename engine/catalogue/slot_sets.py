"""Compare one set of slot terms with the sets of every catalogue row at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.rounding import FEATURE_GRID, on_grid
from engine.vocabulary.anatomy import anatomy_similarity, closeness, covers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class SlotSets:
    """The rows' sets of one slot; rows with the same set share one group.

    Parameters
    ----------
    sets : sequence of frozenset of str, length n_rows
    """

    def __init__(self, sets: Sequence[frozenset[str]]) -> None:
        groups = {terms: position for position, terms in enumerate(dict.fromkeys(sets))}
        self.group_of_row: NDArray[np.intp] = np.array([groups[terms] for terms in sets])
        self.groups: tuple[frozenset[str], ...] = tuple(groups)
        self._column = {
            term: column for column, term in enumerate(sorted(set().union(*self.groups)))
        }
        self._known = frozenset(self._column)
        self._shared: dict[frozenset[str], NDArray[np.int64]] = {}  # of what was asked before
        self._overlap: dict[tuple[frozenset[str], int], NDArray[np.float64]] = {}
        self._members = np.zeros((len(self.groups), len(self._column)), dtype=np.int64)
        for position, terms in enumerate(self.groups):
            self._members[position, [self._column[term] for term in terms]] = 1
        self.sizes: NDArray[np.int64] = self._members.sum(axis=1)

    def shared(self, terms: frozenset[str]) -> NDArray[np.int64]:
        """Count the terms that each group shares with `terms`, shape (n_groups,)."""
        known = terms & self._known
        counted = self._shared.get(known)
        if counted is None:
            columns = [self._column[term] for term in known]
            counted = self._shared[known] = self._members[:, columns].sum(axis=1)
        return counted

    def overlap(self, terms: frozenset[str], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the F1 overlap (Dice, 1945) with some rows' sets, shape (n_chosen,), in [0, 1].

        Two empty sets agree (1); an empty and a filled one share nothing (0).
        """
        what = (terms & self._known, len(terms))
        similar = self._overlap.get(what)
        if similar is None:
            whole = self.sizes + len(terms)
            dice = np.divide(
                2.0 * self.shared(terms), whole, out=np.ones(len(whole)), where=whole > 0
            )
            similar = self._overlap[what] = on_grid(dice, FEATURE_GRID)
        chosen: NDArray[np.float64] = similar[self.group_of_row[rows]]
        return chosen

    def additions(self, terms: frozenset[str], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count what some rows' sets have beyond `terms`, shape (n_chosen,)."""
        added: NDArray[np.int64] = (self.sizes - self.shared(terms))[self.group_of_row[rows]]
        return added

    def disjoint(self, terms: frozenset[str]) -> NDArray[np.bool_]:
        """Tell which rows' sets are filled and share nothing with a filled `terms`, (n_rows,)."""
        apart = (self.sizes > 0) & (self.shared(terms) == 0) & bool(terms)
        rows: NDArray[np.bool_] = apart[self.group_of_row]
        return rows


class AnatomySets:
    """The rows' anatomy, compared through the hierarchy instead of by equality.

    Equal to `engine.vocabulary.anatomy.anatomy_similarity` for every row, and much faster.

    Parameters
    ----------
    sets : sequence of frozenset of str, length n_rows
    """

    def __init__(self, sets: Sequence[frozenset[str]]) -> None:
        self._sets = SlotSets(sets)
        groups = self._sets.groups
        self._terms = sorted(set().union(*groups))
        position = {term: i for i, term in enumerate(self._terms)}
        self._filled = np.flatnonzero(self._sets.sizes > 0)
        members = [[position[term] for term in sorted(groups[g])] for g in self._filled]
        self._flat = np.array([term for terms in members for term in terms], dtype=np.intp)
        sizes = np.array([len(terms) for terms in members], dtype=np.intp)
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        self._filled_sizes = sizes
        self._closeness: dict[str, NDArray[np.float64]] = {}
        self._covered: dict[str, NDArray[np.bool_]] = {}
        self._cache: dict[frozenset[str], tuple[NDArray[np.float64], NDArray[np.int64]]] = {}

    def compare(
        self, terms: frozenset[str], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Compare with the anatomy of some rows.

        Parameters
        ----------
        terms : frozenset of str
            The anatomy that the name states.
        rows : ndarray of int64, shape (n_chosen,)

        Returns
        -------
        similarity : ndarray of float64, shape (n_chosen,)
            Multiples of 1/128 in [0, 1].
        additions : ndarray of int64, shape (n_chosen,)
            How many parts the row names that the input neither names nor lies within.
        """
        if terms not in self._cache:
            self._cache[terms] = self._compare_groups(terms)
        similarity, additions = self._cache[terms]
        groups = self._sets.group_of_row[rows]
        return similarity[groups], additions[groups]

    def _compare_groups(
        self, terms: frozenset[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        additions = self._sets.sizes.copy()
        if not terms:
            empty = [anatomy_similarity(terms, group) for group in self._sets.groups]
            return np.array(empty), additions
        similarity = np.full(len(self._sets.groups), anatomy_similarity(terms, frozenset()))
        if not self._filled.size:
            return similarity, additions
        close = np.stack([self._closeness_of(term) for term in sorted(terms)])[:, self._flat]
        precision = np.add.reduceat(close.max(axis=0), self._starts) / self._filled_sizes
        recall = np.maximum.reduceat(close, self._starts, axis=1).sum(axis=0) / len(terms)
        total = precision + recall
        f1 = np.divide(2.0 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
        similarity[self._filled] = on_grid(f1, FEATURE_GRID)
        covered = np.any([self._covered_of(term)[self._flat] for term in terms], axis=0)
        additions[self._filled] = np.add.reduceat(~covered, self._starts, dtype=np.int64)
        return similarity, additions

    def _closeness_of(self, term: str) -> NDArray[np.float64]:
        if term not in self._closeness:
            self._closeness[term] = np.array([closeness(term, other) for other in self._terms])
        return self._closeness[term]

    def _covered_of(self, term: str) -> NDArray[np.bool_]:
        if term not in self._covered:
            self._covered[term] = np.array(
                [other == term or covers(other, term) for other in self._terms], dtype=np.bool_
            )
        return self._covered[term]
