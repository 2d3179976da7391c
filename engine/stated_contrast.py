"""The contrast that a name states, by word or by the phase of a CT or MR."""

from __future__ import annotations

from collections.abc import Iterable

from engine.lexicon import Sense
from engine.slots import Contrast, Modality

_PHASED = frozenset({Modality.CT, Modality.MR})


def stated_contrast(senses: Iterable[Sense], modalities: frozenset[Modality]) -> Contrast:
    """Return the contrast; "with" and "without" in one name are with_and_without.

    A named phase of the contrast medium (arterial, portal venous, triple phase) counts as
    "with" in a CT, an MR or a name without a modality, unless the name says otherwise.
    """
    stated = {Contrast(sense.value) for sense in senses if sense.slot == "contrast"}
    stated |= {
        Contrast(value) for sense in senses for slot, value in sense.implied if slot == "contrast"
    }
    if len(stated) > 1:
        return Contrast.WITH_AND_WITHOUT
    if stated:
        return stated.pop()
    has_phase = any("phase" in sense.traits for sense in senses)
    is_phased = not modalities or bool(modalities & _PHASED)
    return Contrast.WITH if has_phase and is_phased else Contrast.NONE
