"""What a catalogue row states, read from its name, its FSN, its side and its flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.reading.comparison_anatomy import shown_anatomy
from engine.reading.parse import parse
from engine.reading.slots import Contrast, Laterality, Modality, ParsedName

if TYPE_CHECKING:
    from engine.catalogue.rows import CatalogueRow


@dataclass(frozen=True, slots=True)
class RowSlots:
    """The slots of one catalogue row.

    Attributes
    ----------
    name, fsn : ParsedName
        The two names as parsed.
    modalities, anatomy, laterality, contrast, technique, intervention, context
        As in `ParsedName`: the name's reading, and the FSN's where the name states nothing. The
        side comes from the side field first.
    interventional : bool
        The row's flag; without a flag, whether the name states an interventional action.
    unknown : frozenset of str
        Words of the name that no vocabulary entry explains.
    """

    name: ParsedName
    fsn: ParsedName
    modalities: frozenset[Modality]
    anatomy: frozenset[str]
    laterality: Laterality
    contrast: Contrast
    technique: frozenset[str]
    intervention: frozenset[str]
    context: frozenset[str]
    interventional: bool
    unknown: frozenset[str]


def row_slots(row: CatalogueRow) -> RowSlots:
    """Read the slots of one catalogue row."""
    name, fsn = parse(row.preferred_name), parse(row.fsn)
    return RowSlots(
        name=name,
        fsn=fsn,
        modalities=name.modalities or fsn.modalities,
        anatomy=shown_anatomy(name) or shown_anatomy(fsn),
        laterality=_side(row, name, fsn),
        contrast=name.contrast if name.contrast is not Contrast.NONE else fsn.contrast,
        technique=name.technique or fsn.technique,
        intervention=name.intervention or fsn.intervention,
        context=name.context or fsn.context,
        interventional=_interventional(row, name, fsn),
        unknown=frozenset(name.unknown),
    )


def _side(row: CatalogueRow, name: ParsedName, fsn: ParsedName) -> Laterality:
    readings = (parse(row.laterality_fsn).laterality, name.laterality, fsn.laterality)
    return next((side for side in readings if side is not Laterality.NONE), Laterality.NONE)


def _interventional(row: CatalogueRow, name: ParsedName, fsn: ParsedName) -> bool:
    if row.is_interventional is not None:
        return row.is_interventional
    return name.interventional or fsn.interventional


def stated_in(row: RowSlots, slot: str) -> frozenset[str]:
    """Return what a row states in a slot, by the slot's name in `engine.reading.slots.Span`."""
    if slot == "modality":
        return frozenset(map(str, row.modalities))
    if slot == "laterality":
        both = row.laterality is Laterality.BILATERAL
        return frozenset({"left", "right", "bilateral"} if both else {row.laterality.value})
    if slot == "contrast":
        both = row.contrast is Contrast.WITH_AND_WITHOUT
        return frozenset({"with", row.contrast.value} if both else {row.contrast.value})
    if slot in ("technique", "intervention"):
        return row.technique | row.intervention
    return {"anatomy": row.anatomy, "context": row.context}.get(slot, frozenset())
