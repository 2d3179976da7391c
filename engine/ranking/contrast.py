"""How the contrast of a name compares with the contrast of a row.

A row that says nothing about contrast is the plain examination (NICIP naming), so an unstated or
absent contrast matches it, and ``contrast_null_score`` applies where only one of the two gives
contrast.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from engine.reading.slots import CONTRASTS, Contrast

_PLAIN = {Contrast.NONE, Contrast.WITHOUT}


class ContrastAgreement(IntEnum):
    """The three ways in which two statements about contrast can relate."""

    MATCH = 0
    MISMATCH = 1
    ONE_SIDE_UNSTATED = 2


def _agreement(name: Contrast, row: Contrast) -> ContrastAgreement:
    if name is row or {name, row} <= _PLAIN:
        return ContrastAgreement.MATCH
    if Contrast.NONE in (name, row):
        return ContrastAgreement.ONE_SIDE_UNSTATED
    return ContrastAgreement.MISMATCH


# [contrast of the name, contrast of the row], in the order of CONTRASTS
CONTRAST_AGREEMENT = np.array([[_agreement(name, row) for row in CONTRASTS] for name in CONTRASTS])


def _contradicts(name: Contrast, row: Contrast) -> bool:
    return {name, row} == {Contrast.WITH, Contrast.WITHOUT}


CONTRAST_VETO = np.array([[_contradicts(name, row) for row in CONTRASTS] for name in CONTRASTS])
