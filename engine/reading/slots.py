"""The slots of an exam name: what it states about modality, anatomy, side, contrast and so on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Modality(StrEnum):
    """The closed list of modalities (DICOM and NICIP names folded to eleven)."""

    XR = "XR"
    CT = "CT"
    MR = "MR"
    US = "US"
    NM = "NM"
    PET = "PET"
    FL = "FL"
    MG = "MG"
    DXA = "DXA"
    IR = "IR"
    OT = "OT"


class Laterality(StrEnum):
    """The side an exam name states; ``NONE`` means that it states no side."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"
    NONE = "none"


class Contrast(StrEnum):
    """Contrast as stated; ``WITHOUT`` is stated absence, ``NONE`` means that nothing is stated."""

    WITH = "with"
    WITHOUT = "without"
    WITH_AND_WITHOUT = "with_and_without"
    NONE = "none"


class Scope(StrEnum):
    """How a name means what it mentions."""

    AFFIRMED = "affirmed"
    ASKED = "asked"
    DENIED = "denied"
    POSSIBLE = "possible"
    OTHER_TIME = "other time"
    ALTERNATIVE = "alternative"


SIDES = tuple(Laterality)
CONTRASTS = tuple(Contrast)
GIVES_CONTRAST = frozenset({Contrast.WITH, Contrast.WITH_AND_WITHOUT})


class Span(NamedTuple):
    """One reading of a run of characters of the input.

    Attributes
    ----------
    start, end : int
        Character offsets in the name as given, ``start < end``.
    slot : str
        ``modality``, ``anatomy``, ``laterality``, ``contrast``, ``technique``, ``intervention``,
        ``context``, ``non_clinical``, ``ignored`` or ``unknown``.
    value : str
        The canonical value; for ``unknown`` the normalised word itself.
    scope : Scope
    """

    start: int
    end: int
    slot: str
    value: str
    scope: Scope = Scope.AFFIRMED


Mentioned = frozenset[tuple[str, str]]  # slot and value


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What one exam name states, slot by slot; an empty set or ``NONE`` means unstated.

    Attributes
    ----------
    text : str
        The name as given.
    canonical : str
        Normalised text: lower case, canonical spellings in the order of the input, single blanks.
        Normalising it again changes nothing.
    modalities : frozenset of Modality
        Modalities stated by the text alone (never by MODALITY_CODE); mostly none or one.
    anatomy : frozenset of str
        Canonical anatomy terms (plain lower-case UK English singular).
    laterality : Laterality
    contrast : Contrast
    technique : frozenset of str
        Canonical techniques, views, tracers and phases ("doppler", "angiography").
    intervention : frozenset of str
        Canonical interventional actions ("biopsy", "drainage"); not empty means interventional.
    context : frozenset of str
        Canonical contexts ("paediatric", "obstetric", "screening", "male").
    non_clinical : bool
        True for a line that is no exam (meeting, teaching, cancelled, reporting only).
    unknown : tuple of str
        Normalised words that no vocabulary entry explains, in the order of the input.
    denied, other_time, doubtful : frozenset of (str, str)
        Slots and values that are mentioned and not affirmed: denied ("no biopsy"), of another
        time ("post drain"), only possible or one of several ("? injection", "Rt or Lt").
    asked : frozenset of str
        Findings that are only looked for ("?fracture"); they are in `context`, too.
    unasked : ParsedName or None
        The same name without them; None where there are none.
    spans : tuple of Span
        Every reading in the order of the input; spans do not overlap.
    """

    text: str
    canonical: str
    modalities: frozenset[Modality] = frozenset()
    anatomy: frozenset[str] = frozenset()
    laterality: Laterality = Laterality.NONE
    contrast: Contrast = Contrast.NONE
    technique: frozenset[str] = frozenset()
    intervention: frozenset[str] = frozenset()
    context: frozenset[str] = frozenset()
    non_clinical: bool = False
    unknown: tuple[str, ...] = ()
    denied: Mentioned = frozenset()
    other_time: Mentioned = frozenset()
    doubtful: Mentioned = frozenset()
    asked: frozenset[str] = frozenset()
    unasked: ParsedName | None = field(default=None, repr=False)
    spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)

    @property
    def interventional(self) -> bool:
        """Whether the name states an interventional action."""
        return bool(self.intervention)
