"""The modality that a name states, decided after the whole name is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.reading.slots import Modality
from engine.vocabulary.anatomy import covers
from engine.vocabulary.lexicon import Sense

# Angiography and vascular intervention under one of these are no catheter-laboratory study.
CROSS_SECTIONAL = frozenset(
    {Modality.CT, Modality.MR, Modality.US, Modality.NM, Modality.PET, Modality.MG, Modality.OT}
)
# What a technique implies although the name says plain film ("XR mammogram", "XR barium swallow").
_BEYOND_PLAIN_FILM = frozenset({Modality.MG, Modality.FL, Modality.DXA, Modality.CT})


def stated_modalities(
    senses: Sequence[Sense], code_modalities: frozenset[Modality] = frozenset()
) -> frozenset[Modality]:
    """Return the modalities that words state or that a technique cannot be without.

    What a technique implies gives way to a MODALITY_CODE that says otherwise (a nephrostomy is
    usually done under fluoroscopy, but this one is coded US).
    """
    stated = _modalities(sense for sense in senses if sense.slot == "modality")
    if Modality.XR in stated:
        senses = without_devices_shown(senses)
    implied = _modalities(sense for sense in senses if sense.slot != "modality")
    if Modality.XR in stated and implied & _BEYOND_PLAIN_FILM:
        stated = (stated - {Modality.XR}) | (implied & _BEYOND_PLAIN_FILM)
    tracer = any(sense.value == "spect" for sense in senses)
    chosen = stated or _strongest(implied)
    if not stated and code_modalities and not chosen & code_modalities:
        chosen = frozenset()
    if tracer:
        chosen |= {Modality.NM}
    return _combined(chosen)


def without_devices_shown(senses: Sequence[Sense]) -> Sequence[Sense]:
    """Leave out devices that a plain film merely shows ("XR chest PICC position").

    Beside guidance or an action they are what is done, and stay; "insertion" alone says where
    something is looked for.
    """
    others = [sense for sense in senses if sense.value != "insertion"]
    if any(sense.traits & {"act", "guidance"} for sense in others):
        return senses
    return [sense for sense in others if "device" not in sense.traits]


def _modalities(senses: Iterable[Sense]) -> frozenset[Modality]:
    return frozenset(
        Modality(value) for sense in senses for slot, value in sense.implied if slot == "modality"
    )


def _strongest(implied: frozenset[Modality]) -> frozenset[Modality]:
    """Of several implied modalities keep the most specific one."""
    for modality in (Modality.PET, Modality.MG, Modality.CT, Modality.MR, Modality.NM):
        if modality in implied:
            return frozenset({modality})
    return implied


def _combined(stated: frozenset[Modality]) -> frozenset[Modality]:
    """Fold combined machines into the modality that the examination is named after."""
    if Modality.PET in stated:
        stated -= {Modality.CT, Modality.NM}
    if Modality.NM in stated:
        stated -= {Modality.CT}
    if Modality.MG in stated or Modality.FL in stated or Modality.IR in stated:
        stated -= {Modality.XR}
    if Modality.IR in stated:
        stated -= {Modality.FL}
    return stated


def is_catheter_study(
    senses: Sequence[Sense], anatomy: frozenset[str], modalities: frozenset[Modality]
) -> bool:
    """Whether the name is vascular work through a catheter: angiography or intervention."""
    if modalities & CROSS_SECTIONAL:
        return False
    if Modality.XR in modalities:
        senses = without_devices_shown(senses)
    if any(sense.traits & {"catheter", "vascular"} for sense in senses):
        return True
    stent = any("stent" in sense.traits for sense in senses)
    vessel = any(covers("vessel", term) for term in anatomy)
    return vessel and (stent or Modality.IR in modalities)
