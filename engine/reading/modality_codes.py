"""The modalities that a MODALITY_CODE field states."""

from __future__ import annotations

from functools import lru_cache

from engine.reading.slots import Modality
from engine.vocabulary.lexicon import as_list, read_table


@lru_cache(maxsize=1)
def _codes() -> dict[str, frozenset[Modality]]:
    table = read_table("modality")
    codes: dict[str, set[Modality]] = {}
    for modality, names in table["code"].items():
        for name in as_list(names):
            codes.setdefault(name, set()).add(Modality(modality))
    for name, others in table["code_also"].items():
        codes[name].update(Modality(other) for other in others)
    return {name: frozenset(modalities) for name, modalities in codes.items()}


@lru_cache(maxsize=4096)
def modalities_of_code(code: str) -> frozenset[Modality]:
    """Return the modalities a MODALITY_CODE value may stand for.

    A code of several parts ("PT+CT", "CT/SR") states what its known parts state. Blank, unknown
    and OT say nothing: the empty set. Source: DICOM PS3.3, C.7.3.1.1.1 (Modality), and the house
    codes of British radiology systems.
    """
    codes = _codes()
    whole = code.strip().upper()
    if whole in codes:
        return codes[whole]
    parts = whole.replace("\\", " ").replace("/", " ").replace(",", " ").replace("+", " ").split()
    stated = {modality for part in parts for modality in codes.get(part, ())}
    if Modality.PET in stated or Modality.NM in stated:
        stated.discard(Modality.CT)
    return frozenset(stated)
