"""Decide whether what a name states determines one catalogue row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from data.generator.catalogue import CatalogueRow, RowSlots
from data.generator.lexicon import Atoms


class Meaning(NamedTuple):
    """What a name states: terms without the modality, side and contrast."""

    atoms: Atoms
    laterality: str
    contrast: str


def meaning_of(slots: RowSlots) -> Meaning:
    """Return the full meaning of a row, the modality apart."""
    kinds = ("anatomy", "technique", "intervention", "context")
    return Meaning(
        frozenset((kind, term) for kind in kinds for term in getattr(slots, kind)),
        slots.laterality,
        slots.contrast,
    )


class MeaningIndex:
    """Find catalogue rows by what a name states."""

    def __init__(self, rows: Sequence[CatalogueRow]) -> None:
        self._exact: dict[Meaning, list[CatalogueRow]] = defaultdict(list)
        self._by_modality: dict[str, list[tuple[Meaning, CatalogueRow]]] = defaultdict(list)
        for row in rows:
            meaning = meaning_of(row.slots)
            self._exact[meaning].append(row)
            self._by_modality[row.slots.modality].append((meaning, row))

    def exact(self, meaning: Meaning, modalities: Iterable[str]) -> list[CatalogueRow]:
        """Return the rows of these modalities that mean exactly this."""
        allowed = set(modalities)
        return [row for row in self._exact.get(meaning, ()) if row.slots.modality in allowed]

    def at_least(
        self, atoms: Atoms, modalities: Iterable[str]
    ) -> list[tuple[Meaning, CatalogueRow]]:
        """Return the rows of these modalities that carry all these terms, any side."""
        return [
            (meaning, row)
            for modality in sorted(set(modalities))
            for meaning, row in self._by_modality.get(modality, ())
            if atoms <= meaning.atoms
        ]

    def determines(self, meaning: Meaning, modalities: Iterable[str], row: CatalogueRow) -> bool:
        """Tell whether a name that states `meaning` can only stand for `row`."""
        allowed = tuple(modalities)
        exact = self.exact(meaning, allowed)
        if exact:
            return exact == [row]
        wider = [
            other
            for other_meaning, other in self.at_least(meaning.atoms, allowed)
            if other_meaning[1:] == meaning[1:]
        ]
        return wider == [row]

    def siblings_in_contrast(self, row: CatalogueRow) -> frozenset[str]:
        """Return the contrast states that rows alike in all else have."""
        meaning = meaning_of(row.slots)
        states = ("none", "with", "without", "with_and_without")
        return frozenset(
            state
            for state in states
            if self.exact(meaning._replace(contrast=state), [row.slots.modality])
        )
