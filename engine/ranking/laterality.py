"""How the side of a name compares with the side of a row."""

from __future__ import annotations

import numpy as np

from engine.reading.slots import SIDES, Laterality

_UNSTATED_CREDIT = 0.5
_BOTH_CREDIT = 96 / 128  # "US kidneys": of rows that all have a side, both is the likeliest


def _similarity(name: Laterality, row: Laterality) -> float:
    if name is row:
        return 1.0
    if name is Laterality.NONE and row is Laterality.BILATERAL:
        return _BOTH_CREDIT
    return _UNSTATED_CREDIT if Laterality.NONE in (name, row) else 0.0


# [side of the name, side of the row], in the order of SIDES
LATERALITY_SIMILARITY = np.array([[_similarity(name, row) for row in SIDES] for name in SIDES])


def _opposite(name: Laterality, row: Laterality) -> bool:
    return {name, row} == {Laterality.LEFT, Laterality.RIGHT}


LATERALITY_VETO = np.array([[_opposite(name, row) for row in SIDES] for name in SIDES])
