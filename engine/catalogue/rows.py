"""The rows of a catalogue of imaging procedures."""

from __future__ import annotations

from typing import NamedTuple


class RowKey(NamedTuple):
    """What identifies a catalogue row: a concept id alone does not, it may come with a side."""

    concept_id: str
    laterality_concept_id: str


class CatalogueRow(NamedTuple):
    """One row of the catalogue.

    Attributes
    ----------
    concept_id, laterality_concept_id : str
        Codes; the latter is empty where the row has no side.
    fsn, laterality_fsn : str
        Fully specified names (SNOMED CT Editorial Guide, "Fully specified name").
    is_diagnostic, is_interventional : bool or None
        None where the flag is empty: unknown.
    preferred_name : str
        The display name.
    """

    concept_id: str
    fsn: str
    laterality_concept_id: str
    laterality_fsn: str
    is_diagnostic: bool | None
    is_interventional: bool | None
    preferred_name: str

    @property
    def key(self) -> RowKey:
        """The composite key of the row."""
        return RowKey(self.concept_id, self.laterality_concept_id)
