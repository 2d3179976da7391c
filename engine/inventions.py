"""What a row would add that the name does not state and that nobody may make up.

A row with a side, with contrast or of some modality may be the best candidate of a name that
states none; it is then shown to a person and never accepted.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np

from engine.slots import Contrast, Laterality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.index import CatalogueIndex
    from engine.query import Query


class Invention(IntFlag):
    """Things that an answer may not make up."""

    SIDE = 1
    CONTRAST = 2
    MODALITY = 4

    def in_words(self) -> str:
        """Name what is made up, such as "side, contrast"."""
        return ", ".join(str(kind.name).lower() for kind in Invention if kind in self)


def inventions(query: Query, index: CatalogueIndex) -> NDArray[np.uint8]:
    """Return what each row would make up, as `Invention` flags, shape (n_rows,)."""
    made_up = np.zeros(len(index), dtype=np.uint8)
    if query.parsed.laterality is Laterality.NONE:
        made_up[index.sided] |= np.uint8(Invention.SIDE)
    if query.parsed.contrast is Contrast.NONE:
        made_up[index.gives_contrast] |= np.uint8(Invention.CONTRAST)
    if not query.modalities:
        made_up[index.states_modality] |= np.uint8(Invention.MODALITY)
    return made_up
