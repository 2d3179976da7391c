"""What is asked: an exam name and its MODALITY_CODE, parsed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from engine.reading.modality_codes import modalities_of_code
from engine.reading.parse import parse
from engine.reading.slots import Laterality, Modality, ParsedName, Scope, Span
from engine.vocabulary.lexicon import read_table

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
    parsed = _with_pairs(parse(exam_name, code_modalities))
    return Query(parsed, code_modalities, _contrast_is_cut(parsed))


def _with_pairs(parsed: ParsedName) -> ParsedName:
    """Take the plural of a paired part, without a side, for both ("XR hands")."""
    is_plural = any(
        span.slot == "anatomy" and span.value in _pairs() and _is_plural(parsed, span)
        for span in parsed.spans
        if span.scope is Scope.AFFIRMED
    )
    mentions_side = any(span.slot == "laterality" for span in parsed.spans)
    if not is_plural or mentions_side or parsed.laterality is not Laterality.NONE:
        return parsed
    return replace(parsed, laterality=Laterality.BILATERAL)


def _is_plural(parsed: ParsedName, span: Span) -> bool:
    word = parsed.text[span.start : span.end].lower()
    return word == f"{span.value}s" or word in _plurals()


@cache
def _pairs() -> frozenset[str]:
    return frozenset(read_table("laterality")["pairs"]["parts"])


@cache
def _plurals() -> frozenset[str]:
    return frozenset(read_table("laterality")["pairs"]["plurals"])


def _contrast_is_cut(parsed: ParsedName) -> bool:
    last = parsed.spans[-1] if parsed.spans else None
    if last is None or last.slot != "contrast":
        return False
    return parsed.text[last.start : last.end].lower() in _CUT
