"""What is asked: an exam name and its MODALITY_CODE, parsed."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from engine.reading.modality_codes import modalities_of_code
from engine.reading.parse import parse
from engine.reading.slots import Modality, ParsedName

_CUT = frozenset({"wi", "wit", "with"})  # "CT Abdomen & pelvis wi"; a bare "w" is American style


class Query(NamedTuple):
    """One exam name as the engine sees it.

    Attributes
    ----------
    parsed : ParsedName
        What the text states.
    code_modalities : frozenset of Modality
        What MODALITY_CODE states; empty when it is blank, unknown or OT.
    contrast_is_cut : bool
        Whether the name ends in what may have been "without" as well as "with".
    """

    parsed: ParsedName
    code_modalities: frozenset[Modality]
    contrast_is_cut: bool

    @property
    def modalities(self) -> frozenset[Modality]:
        """The modalities to go by: the text's, and the code's where the text states none."""
        return self.parsed.modalities or self.code_modalities

    @property
    def is_department(self) -> bool:
        """Whether "IR" before a procedure may name the department instead of the modality.

        The catalogue may then file it under fluoroscopy: "IR nephrostomy" is "Nephrostomy using
        fluoroscopic guidance".
        """
        return Modality.IR in self.parsed.modalities and self.parsed.interventional

    @property
    def states_nothing(self) -> bool:
        """Whether the text states no anatomy, technique, intervention or context."""
        parsed = self.parsed
        return not (parsed.anatomy or parsed.technique or parsed.intervention or parsed.context)

    @property
    def completeness(self) -> float:
        """Share of the name's words and phrases that were understood, [0, 1]."""
        slots = [span.slot for span in self.parsed.spans if span.slot != "ignored"]
        return 1.0 - slots.count("unknown") / len(slots) if slots else 1.0

    @property
    def modality_conflict(self) -> bool:
        """Whether text and code state modalities that have nothing in common."""
        stated = self.parsed.modalities
        return bool(stated and self.code_modalities and not stated & self.code_modalities)

    def without_words(self) -> Query:
        """Return what is asked without the words: equal for names that are read alike."""
        return self._replace(parsed=replace(self.parsed, text="", spans=()))


def make_query(exam_name: str, modality_code: str = "") -> Query:
    """Parse an exam name and its modality code."""
    code_modalities = modalities_of_code(modality_code)
    parsed = parse(exam_name, code_modalities)
    return Query(parsed, code_modalities, _contrast_is_cut(parsed))


def _contrast_is_cut(parsed: ParsedName) -> bool:
    last = parsed.spans[-1] if parsed.spans else None
    if last is None or last.slot != "contrast":
        return False
    return parsed.text[last.start : last.end].lower() in _CUT
