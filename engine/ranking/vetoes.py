"""Rows that must never be the answer, whatever they score.

Vetoed are: left against right; with against without contrast; two different stated modalities; a
diagnostic name against a row flagged interventional; what the name denies. What is unstated
never vetoes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.ranking.contrast import CONTRAST_VETO
from engine.ranking.laterality import LATERALITY_VETO
from engine.reading.slots import CONTRASTS, SIDES, Modality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from engine.reading.query import Query


def vetoes(query: Query, index: CatalogueIndex) -> dict[str, NDArray[np.bool_]]:
    """Return each veto by name: the rows it removes, shape (n_rows,)."""
    return {
        "side": side_veto(query, index),
        "contrast": contrast_veto(query, index),
        "modality": modality_veto(query, index),
        "interventional": interventional_veto(query, index),
        "denied": denied_veto(query, index),
    }


def vetoed(query: Query, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Return the rows that any veto removes, shape (n_rows,)."""
    return (
        side_veto(query, index)
        | contrast_veto(query, index)
        | modality_veto(query, index)
        | interventional_veto(query, index)
        | denied_veto(query, index)
    )


def side_veto(query: Query, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Remove right rows for a left name, and left rows for a right one."""
    removed: NDArray[np.bool_] = LATERALITY_VETO[SIDES.index(query.parsed.laterality)][
        index.laterality
    ]
    return removed


def contrast_veto(query: Query, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Remove rows stated without contrast for a name stated with, and the other way round."""
    removed: NDArray[np.bool_] = CONTRAST_VETO[CONTRASTS.index(query.parsed.contrast)][
        index.contrast
    ]
    return removed


def modality_veto(query: Query, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Remove rows whose stated modality differs from the text's (or, if silent, the code's).

    Fluoroscopy stays for an "IR" that may be the department (`Query.is_department`).
    """
    fitting = query.modalities | ({Modality.FL} if query.is_department else frozenset())
    return index.modality.disjoint(frozenset(map(str, fitting)))


def interventional_veto(query: Query, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Remove rows flagged interventional for a name that states a diagnostic examination.

    A name is diagnostic when it states a modality, none of its modalities is interventional
    radiology, and it names no interventional action. A flagged row that names no action itself
    stays when it shares a technique with the name: catalogues flag some arthrograms and
    myelograms, which every name leaves unsaid.
    """
    parsed = query.parsed
    modalities = parsed.modalities | query.code_modalities
    is_possible = any(slot == "intervention" for slot, _ in parsed.doubtful)
    if not modalities or Modality.IR in modalities or parsed.interventional or is_possible:
        return np.zeros(len(index), dtype=np.bool_)
    related = index.technique.shared(parsed.technique)[index.technique.group_of_row] > 0
    return index.flagged_interventional & (index.names_intervention | ~related)


def denied_veto(query: Query, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Remove rows that state what the name denies."""
    removed = np.zeros(len(index), dtype=np.bool_)
    for slot, value in query.parsed.denied:
        removed |= index.stating(slot, value)
    return removed
