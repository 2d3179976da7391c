"""Cases, their facts and what is right about them: everything needed to value weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from objectives.cases.critical_errors import CRITICAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from engine.catalogue.rows import CatalogueRow
    from objectives.bank.feature_bank import FeatureBank
    from objectives.cases.cases import Case
    from objectives.cases.critical_errors import RowTruth

GOLD = np.uint8(1)
_KIND_BITS = np.array([2 << kind for kind in range(len(CRITICAL_KINDS))], dtype=np.uint8)
_BLOCK = 4096  # cases


class Labels(NamedTuple):
    """What is right for every case, laid out beside its candidates.

    Attributes
    ----------
    gold : ndarray of int32, shape (n_cases,)
        Number of the gold row's concept and side: rows that share them share it. -1 where no row
        is right, or none is known.
    codes : ndarray of uint8, shape (n_cases, top_k)
        Bit 0: the candidate has the gold row's concept and side. Bit 1 and up: it would be
        dangerous in the way of that `CRITICAL_KINDS`.
    """

    gold: NDArray[np.int32]
    codes: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        gold: NDArray[np.int32],
        is_gold: NDArray[np.bool_],
        critical: NDArray[np.bool_],
    ) -> Labels:
        """Pack flags of shape (n_cases, top_k) and (n_cases, top_k, n_kinds)."""
        return cls(gold, (is_gold * GOLD + critical @ _KIND_BITS).astype(np.uint8))

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """Whether each case has a gold row, shape (n_cases,)."""
        answerable: NDArray[np.bool_] = self.gold >= 0
        return answerable

    @property
    def is_gold(self) -> NDArray[np.bool_]:
        """Candidates with the gold row's concept and side, shape (n_cases, top_k)."""
        return is_gold(self.codes)

    @property
    def critical(self) -> NDArray[np.bool_]:
        """Candidates that would be dangerous, shape (n_cases, top_k, n_kinds)."""
        return critical_kinds(self.codes)

    def take(self, cases: NDArray[np.intp]) -> Labels:
        """Return the labels of some of the cases, in the order given."""
        return Labels(self.gold[cases], self.codes[cases])


def is_gold(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which codes are those of the gold row; any shape."""
    return (codes & GOLD).astype(np.bool_)


def critical_kinds(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell in which ways codes of shape (...) are dangerous, shape (..., n_kinds)."""
    return (codes[..., None] & _KIND_BITS).astype(np.bool_)


class LabelledBank(NamedTuple):
    """Some of the cases of a bank, with what is right about them.

    Attributes
    ----------
    cases : tuple of Case
    bank : FeatureBank
        The whole bank; nothing of it is copied.
    chosen : ndarray of intp, shape (n_cases,)
        Where the cases stand in the bank.
    labels : Labels
        Of the chosen cases.
    """

    cases: tuple[Case, ...]
    bank: FeatureBank
    chosen: NDArray[np.intp]
    labels: Labels

    def take(self, wanted: NDArray[np.intp]) -> LabelledBank:
        """Return some of the cases, in the order given."""
        return LabelledBank(
            tuple(self.cases[case] for case in wanted),
            self.bank,
            self.chosen[wanted],
            self.labels.take(wanted),
        )

    def labelled(self) -> LabelledBank:
        """Return the cases that say what is right, be it a row or that there is none."""
        return self.take(np.flatnonzero([case.has_gold for case in self.cases]))

    def at(self, sites: Sequence[str]) -> LabelledBank:
        """Return the cases of some sites."""
        wanted = set(sites)
        return self.take(np.flatnonzero([case.site in wanted for case in self.cases]))

    def answerable(self) -> LabelledBank:
        """Return the cases that have a gold row."""
        return self.take(np.flatnonzero(self.labels.answerable))

    def facts(self) -> FeatureBank:
        """Return the facts of the cases, copied into memory."""
        return self.bank.take(self.chosen)

    def without_names(self) -> LabelledBank:
        """Return facts and labels alone, copied into memory: all that valuing weights takes."""
        return LabelledBank((), self.facts(), np.arange(len(self.chosen)), self.labels)

    def blocks(self) -> Iterator[tuple[slice, FeatureBank]]:
        """Yield which of the cases, and their facts, a block that fits the cache at a time."""
        for start in range(0, len(self.chosen), _BLOCK):
            here = slice(start, min(start + _BLOCK, len(self.chosen)))
            yield here, self.bank.take(self.chosen[here])


def label_candidates(
    cases: Sequence[Case], bank: FeatureBank, rows: Sequence[CatalogueRow], truth: RowTruth
) -> LabelledBank:
    """Compare every candidate with the gold row of its case."""
    position = {row.preferred_name: i for i, row in enumerate(rows)}
    gold = np.array([position.get(case.gold or "", -1) for case in cases], dtype=np.int64)
    keys: dict[object, int] = {}
    key_of_row = np.array([keys.setdefault(row.key, len(keys)) for row in rows], dtype=np.int64)
    codes = np.zeros(bank.rows.shape, dtype=np.uint8)
    for start in range(0, len(cases), _BLOCK):
        here = slice(start, start + _BLOCK)
        compared = (gold[here, None] >= 0) & (bank.rows[here] >= 0)
        safe_rows = np.maximum(bank.rows[here], 0).astype(np.int64)
        safe_gold = np.broadcast_to(np.maximum(gold[here, None], 0), safe_rows.shape)
        same = key_of_row[safe_rows] == key_of_row[safe_gold]
        dangers = truth.critical(safe_gold, safe_rows) @ _KIND_BITS
        codes[here] = compared * (same * GOLD + dangers)
    gold_keys = np.where(gold >= 0, key_of_row[gold], -1).astype(np.int32)
    labels = Labels(gold_keys, codes)
    return LabelledBank(tuple(cases), bank, np.arange(len(cases)), labels)
