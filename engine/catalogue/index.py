"""The catalogue, read once and laid out so that one name is compared with every row at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from engine.catalogue.row_slots import row_slots, stated_in
from engine.catalogue.slot_sets import AnatomySets, SlotSets
from engine.catalogue.text_similarity import TextIndex
from engine.reading.patient import PATIENT_GROUPS, stated_groups
from engine.reading.slots import CONTRASTS, GIVES_CONTRAST, SIDES, Laterality
from engine.reading.stated_intervention import kinds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.catalogue.ngrams import Postings
    from engine.catalogue.row_slots import RowSlots
    from engine.catalogue.rows import CatalogueRow
    from engine.settings import RetrievalSettings


class CatalogueIndex:
    """Everything about a catalogue that does not depend on the question.

    Parameters
    ----------
    rows : sequence of CatalogueRow, at least one
    retrieval : RetrievalSettings
    slots : sequence of RowSlots, optional
        What was read in these rows before.
    postings : Postings, optional
        The n-grams of these rows' names and FSNs, as indexed before.

    Attributes
    ----------
    rows : tuple of CatalogueRow
    slots : tuple of RowSlots
    states_modality, sided, gives_contrast : ndarray of bool, shape (n_rows,)
    flagged_interventional : ndarray of bool, shape (n_rows,)
        Rows that the catalogue itself flags; only a flag can veto.
    interventional : ndarray of bool, shape (n_rows,)
        The flag, or what the name says where the flag is empty.
    names_intervention : ndarray of bool, shape (n_rows,)
        Rows whose name states an interventional action.
    patient_groups : dict of str to dict of str to ndarray of bool, shape (n_rows,)
        Which rows state each term of each of `engine.reading.patient.PATIENT_GROUPS`.
    name_order : ndarray of int64, shape (n_rows,)
        Position of each row in the order of preferred names: the last tie-break.
    """

    def __init__(
        self,
        rows: Sequence[CatalogueRow],
        retrieval: RetrievalSettings,
        slots: Sequence[RowSlots] | None = None,
        postings: Postings | None = None,
    ) -> None:
        self.rows = tuple(rows)
        self.retrieval = retrieval
        self.slots = tuple(slots or map(row_slots, self.rows))
        self.modality = SlotSets([frozenset(map(str, row.modalities)) for row in self.slots])
        self.anatomy = AnatomySets([row.anatomy for row in self.slots])
        self.technique = SlotSets([row.technique | row.intervention for row in self.slots])
        self.context = SlotSets([row.context for row in self.slots])
        self.unknown = SlotSets([row.unknown for row in self.slots])
        self.laterality: NDArray[np.intp] = np.array(
            [SIDES.index(row.laterality) for row in self.slots]
        )
        self.contrast: NDArray[np.intp] = np.array(
            [CONTRASTS.index(row.contrast) for row in self.slots]
        )
        self.states_modality: NDArray[np.bool_] = np.array(
            [bool(row.modalities) for row in self.slots], dtype=np.bool_
        )
        self.sided: NDArray[np.bool_] = np.array(
            [row.laterality is not Laterality.NONE for row in self.slots], dtype=np.bool_
        )
        self.gives_contrast: NDArray[np.bool_] = np.array(
            [row.contrast in GIVES_CONTRAST for row in self.slots], dtype=np.bool_
        )
        self.flagged_interventional: NDArray[np.bool_] = np.array(
            [row.is_interventional is True for row in self.rows], dtype=np.bool_
        )
        self.interventional: NDArray[np.bool_] = np.array(
            [row.interventional for row in self.slots], dtype=np.bool_
        )
        self.names_intervention: NDArray[np.bool_] = np.array(
            [bool(row.intervention) for row in self.slots], dtype=np.bool_
        )
        self._stating: dict[tuple[str, str], NDArray[np.bool_]] = {}
        self._named: dict[str, list[int]] = {}
        for number, row in enumerate(self.slots):
            self._named.setdefault(row.name.canonical, []).append(number)
        self.patient_groups = _states_term(self.slots)
        self.name_order = _positions(self.rows)
        self.text = TextIndex(
            [row.name for row in self.slots],
            [row.fsn for row in self.slots],
            retrieval.ngram_range,
            postings,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def stating(self, slot: str, value: str) -> NDArray[np.bool_]:
        """Return which rows state a value, or a kind of it, in a slot, shape (n_rows,)."""
        found = self._stating.get((slot, value))
        if found is None:
            values = {value, *kinds_of(value)}
            found = np.array([bool(values & stated_in(row, slot)) for row in self.slots])
            self._stating[slot, value] = found
        return found

    def named(self, canonical: str) -> NDArray[np.intp]:
        """Return the rows whose preferred name has this canonical spelling."""
        return np.array(self._named.get(canonical, ()), dtype=np.intp)


def _states_term(slots: Sequence[RowSlots]) -> dict[str, dict[str, NDArray[np.bool_]]]:
    stated = [stated_groups(row.context) for row in slots]
    return {
        group: {
            term: np.array([term in row[group] for row in stated], dtype=np.bool_)
            for term in sorted(terms)
        }
        for group, terms in PATIENT_GROUPS.items()
    }


def _positions(rows: Sequence[CatalogueRow]) -> NDArray[np.int64]:
    n_of_name = Counter(row.preferred_name for row in rows)
    keys = [
        _name_key(row) if n_of_name[row.preferred_name] > 1 else (row.preferred_name,)
        for row in rows
    ]
    order = sorted(range(len(rows)), key=keys.__getitem__)
    positions = np.empty(len(rows), dtype=np.int64)
    positions[order] = np.arange(len(rows))
    return positions


def _name_key(row: CatalogueRow) -> tuple[str, ...]:
    """Return the name first, then every other field: rows may share both name and key."""
    return (row.preferred_name, *row.key, *map(str, row))
