"""What a name says is done to the patient, and what it only shows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from engine.reading.slots import Modality
from engine.reading.stated_modality import CROSS_SECTIONAL
from engine.vocabulary.lexicon import Sense, read_table

CATHETER_ANGIOGRAPHY = "catheter angiography"
GUIDED_PROCEDURE = "guided procedure"
# In a name of these a device may simply be there ("XR shunt", "CT angiogram aortic stent graft").
_SHOWS_DEVICES = frozenset(
    {Modality.XR, Modality.CT, Modality.MR, Modality.NM, Modality.MG, Modality.US, Modality.PET}
)
_TWO = 2
_TRACER_GIVEN = frozenset({Modality.NM, Modality.PET})


class Actions(NamedTuple):
    """Interventional actions, and devices or injections that are part of a diagnostic study."""

    performed: frozenset[str]
    shown: frozenset[str]


def stated_actions(
    senses: Sequence[Sense], modalities: frozenset[Modality], *, is_catheter: bool
) -> Actions:
    """Return the actions of a name.

    An angiogram without CT, MR, US or NM is a catheter study and therefore interventional
    (diagnostic ones too); "guided" without an action is a guided procedure.
    """
    named = [sense for sense in senses if sense.slot == "intervention"]
    guided = any("guidance" in sense.traits for sense in senses)
    is_film = modalities == {Modality.XR}  # on which a line or tube is looked for, not placed
    acts = guided or (not is_film and any("act" in sense.traits for sense in named))
    performed: set[str] = set()
    shown: set[str] = set()
    for sense in named:
        if is_film and not guided and sense.value == "insertion":
            continue  # which is then in doubt
        if _is_only_shown(sense, modalities, acts=acts):
            shown.add(sense.value)
        else:
            performed |= {sense.value, *_implied_actions(sense)}
    performed |= {whole for whole, parts in _together().items() if parts <= performed}
    performed -= _plain_actions(performed)
    if not modalities & CROSS_SECTIONAL:
        performed |= {sense.value for sense in senses if "invasive" in sense.traits}
        if is_catheter and any("catheter" in sense.traits for sense in senses):
            performed.add(CATHETER_ANGIOGRAPHY)
    if is_catheter and not performed:
        performed.add(CATHETER_ANGIOGRAPHY)
    if guided and not performed:
        performed.add(GUIDED_PROCEDURE)
    return Actions(frozenset(performed), frozenset(shown))


def _implied_actions(sense: Sense) -> set[str]:
    return {value for slot, value in sense.implied if slot == "intervention"}


def kinds_of(action: str) -> frozenset[str]:
    """Return the actions that are kinds of an action: a core biopsy is a biopsy."""
    return _yields().get(action, frozenset()) - {"*"}


@lru_cache(maxsize=1)
def _together() -> dict[str, frozenset[str]]:
    table = read_table("intervention")["together"]
    return {whole: frozenset(parts) for whole, parts in table.items()}


@lru_cache(maxsize=1)
def _yields() -> dict[str, frozenset[str]]:
    table = read_table("intervention")["yields"]
    return {plain: frozenset(others) for plain, others in table.items()}


def _plain_actions(performed: set[str]) -> set[str]:
    """Return the plain actions that a more telling one beside them contains."""
    if len(performed) < _TWO:
        return set()
    return {
        action
        for action in performed
        if not _yields().get(action, frozenset()).isdisjoint({*performed, "*"})
    }


def _is_only_shown(sense: Sense, modalities: frozenset[Modality], *, acts: bool) -> bool:
    if sense.value in {"injection", "localisation", "therapy"} and modalities & _TRACER_GIVEN:
        return True
    return "device" in sense.traits and bool(modalities & _SHOWS_DEVICES) and not acts
