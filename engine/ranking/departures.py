"""Where a row says something else than the name about side, contrast, modality, patient or part.

Such a row may be the best candidate there is, and is then shown to a person; it is never accepted.
The engine does not make up a side, contrast, modality, pregnancy, age or sex that the name does
not state, and does not drop contrast that it does.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np

from engine.reading.patient import stated_groups
from engine.reading.slots import CONTRASTS, GIVES_CONTRAST, SIDES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from engine.reading.query import Query


_SHOWN = 0.5  # similarity of anatomy from which a row shows or covers what is named


class Departure(IntFlag):
    """What a row can say otherwise than the name."""

    SIDE = 1
    CONTRAST = 2
    MODALITY = 4
    PREGNANCY = 8
    AGE = 16
    SEX = 32
    BODY_PART = 64
    DOUBT = 128

    @property
    def word(self) -> str:
        """Name one kind in words."""
        return str(self.name).lower().replace("_", " ")

    def in_words(self) -> str:
        """Name what differs, such as "side, contrast"."""
        return ", ".join(k.word for k in Departure if k in self and k is not Departure.DOUBT)


def departures(
    query: Query,
    index: CatalogueIndex,
    rows: NDArray[np.int64],
    anatomy: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return how some rows depart from the name, as `Departure` flags, shape (n_chosen,).

    A row departs in side when it states another side than the name or one that the name does not;
    in contrast when only one of the two gives contrast, both do in different ways, or the name
    is cut where it says so, but not from its own name; in modality when it states one and text
    and code state none, or contradict each other; in pregnancy, age or sex when it states one
    that the name does not; in body part when the name states one that the row neither shows nor
    covers. Every row is in doubt when the name only thinks of something, or names alternatives;
    else those that state what is of another time.

    Parameters
    ----------
    query : Query
    index : CatalogueIndex
    rows : ndarray of int64, shape (n_chosen,)
    anatomy : ndarray of float64, shape (n_chosen,)
        Similarity of each row's anatomy with the name's, [0, 1].
    """
    parsed = query.parsed
    other_side = index.laterality[rows] != SIDES.index(parsed.laterality)
    departs: NDArray[np.uint8] = (index.sided[rows] & other_side) * np.uint8(Departure.SIDE)
    other_contrast = index.contrast[rows] != CONTRASTS.index(parsed.contrast)
    given = index.gives_contrast[rows] | (parsed.contrast in GIVES_CONTRAST)
    other_contrast |= query.contrast_is_cut
    departs |= (given & other_contrast) * np.uint8(Departure.CONTRAST)
    if not query.modalities or query.modality_conflict:
        departs |= index.states_modality[rows] * np.uint8(Departure.MODALITY)
    if parsed.anatomy:
        departs[anatomy < _SHOWN] |= np.uint8(Departure.BODY_PART)
    named = stated_groups(parsed.context)
    for group, states_term in index.patient_groups.items():
        for term, states in states_term.items():
            if term not in named[group]:
                departs |= states[rows] * np.uint8(Departure[group.upper()])
    if not query.contrast_is_cut:
        is_own_name = np.isin(rows, index.named(parsed.canonical))
        departs[is_own_name] &= ~np.uint8(Departure.CONTRAST)
    if parsed.doubtful:
        departs |= np.uint8(Departure.DOUBT)
    for slot, value in parsed.other_time:
        departs |= index.stating(slot, value)[rows] * np.uint8(Departure.DOUBT)
    return departs
