"""Facts about the rows for one name: similarities and indicators, before any weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.ranking.contrast import CONTRAST_AGREEMENT, ContrastAgreement
from engine.ranking.departures import departures
from engine.ranking.laterality import LATERALITY_SIMILARITY
from engine.ranking.weights import N_FEATURES, Feature
from engine.reading.comparison_anatomy import shown_anatomy
from engine.reading.slots import CONTRASTS, SIDES, Contrast, Laterality, Modality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from engine.reading.query import Query

_UNSTATED_MODALITY = 0.5


class SlotFacts(NamedTuple):
    """How the slots of chosen rows compare with the name's; all arrays have shape (n_chosen,).

    Attributes
    ----------
    rows : ndarray of int64
        Positions of the rows in the catalogue.
    anatomy, modality, laterality, technique : ndarray of float64
        Similarities in [0, 1], multiples of 1/128.
    contrast : ndarray of int
        `ContrastAgreement` of each row.
    additions : ndarray of int64
        How many things the row says that the name does not.
    departs : ndarray of uint8
        How the row departs from the name, as `Departure` flags.
    """

    rows: NDArray[np.int64]
    anatomy: NDArray[np.float64]
    modality: NDArray[np.float64]
    laterality: NDArray[np.float64]
    technique: NDArray[np.float64]
    contrast: NDArray[np.intp]
    additions: NDArray[np.int64]
    departs: NDArray[np.uint8]

    def take(self, positions: NDArray[np.int64]) -> SlotFacts:
        """Return the facts about some of the rows, in the order given."""
        return SlotFacts(
            self.rows[positions],
            self.anatomy[positions],
            self.modality[positions],
            self.laterality[positions],
            self.technique[positions],
            self.contrast[positions],
            self.additions[positions],
            self.departs[positions],
        )


def slot_facts(query: Query, index: CatalogueIndex, rows: NDArray[np.int64]) -> SlotFacts:
    """Compare the slots of a name with those of some rows.

    Parameters
    ----------
    query : Query
    index : CatalogueIndex
    rows : ndarray of int64, shape (n_chosen,)
    """
    parsed = query.parsed
    anatomy, anatomy_additions = index.anatomy.compare(shown_anatomy(parsed), rows)
    actions = parsed.technique | parsed.intervention
    unsided = parsed.laterality is Laterality.NONE
    unenhanced = parsed.contrast is Contrast.NONE
    return SlotFacts(
        rows=rows,
        anatomy=anatomy,
        modality=_modality(query, index, rows),
        laterality=LATERALITY_SIMILARITY[SIDES.index(parsed.laterality)][index.laterality[rows]],
        technique=index.technique.overlap(actions, rows),
        contrast=CONTRAST_AGREEMENT[CONTRASTS.index(parsed.contrast)][index.contrast[rows]],
        additions=anatomy_additions
        + index.technique.additions(actions, rows)
        + index.context.additions(parsed.context, rows)
        + index.unknown.additions(frozenset(parsed.unknown), rows)
        + (index.sided[rows] & unsided)
        + (index.gives_contrast[rows] & unenhanced),
        departs=departures(query, index, rows, anatomy),
    )


def _modality(query: Query, index: CatalogueIndex, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Stated by the text: overlap; only by the code (any of a family): 1 or 0; unstated: half."""
    stated = query.parsed.modalities
    if stated:
        similarity = index.modality.overlap(frozenset(map(str, stated)), rows)
        if query.is_department:
            fluoroscopic = index.modality.overlap(frozenset({str(Modality.FL)}), rows)
            similarity = np.maximum(similarity, fluoroscopic)
    elif query.code_modalities:
        apart = index.modality.disjoint(frozenset(map(str, query.code_modalities)))[rows]
        similarity = np.where(apart, 0.0, 1.0)
    else:
        similarity = np.full(len(rows), _UNSTATED_MODALITY)
    return np.where(index.states_modality[rows], similarity, _UNSTATED_MODALITY)


def slot_features(query: Query, index: CatalogueIndex, facts: SlotFacts) -> NDArray[np.float32]:
    """Return the features of some rows but text similarity and usage, which are left 0.

    Parameters
    ----------
    query : Query
    index : CatalogueIndex
    facts : SlotFacts
        About these rows and no others.

    Returns
    -------
    ndarray of float32, shape (n_chosen, n_features)
        Multiples of 1/128.
    """
    parsed = query.parsed
    features = np.zeros((len(facts.rows), N_FEATURES), dtype=np.float32)
    features[:, Feature.ANATOMY] = facts.anatomy
    features[:, Feature.MODALITY] = facts.modality
    features[:, Feature.LATERALITY] = facts.laterality
    for agreement, feature in (
        (ContrastAgreement.MATCH, Feature.CONTRAST_MATCH),
        (ContrastAgreement.MISMATCH, Feature.CONTRAST_MISMATCH),
        (ContrastAgreement.ONE_SIDE_UNSTATED, Feature.CONTRAST_NULL),
    ):
        features[:, feature] = facts.contrast == agreement
    features[:, Feature.TECHNIQUE] = facts.technique
    interventional = index.interventional[facts.rows]
    if parsed.interventional:
        features[:, Feature.INTERVENTIONAL_AGREEMENT] = interventional
        features[:, Feature.INTERVENTIONAL_CONFLICT] = ~interventional
    else:
        features[:, Feature.INTERVENTIONAL_CONFLICT] = interventional
    features[:, Feature.UNSTATED_ADDITIONS] = facts.additions
    features[:, Feature.EXACT_MATCH] = [
        parsed.canonical in (index.slots[row].name.canonical, index.slots[row].fsn.canonical)
        for row in facts.rows.tolist()
    ]
    features[:, Feature.SYNONYM_MATCH] = _same_slots(query, index, facts)
    if parsed.context:
        features[:, Feature.CONTEXT_MATCH] = index.context.overlap(parsed.context, facts.rows)
    return features


def _same_slots(query: Query, index: CatalogueIndex, facts: SlotFacts) -> NDArray[np.bool_]:
    """Tell where every slot is the same and no word of either side is left unexplained."""
    parsed = query.parsed
    same: NDArray[np.bool_] = (
        (facts.anatomy == 1.0)
        & (facts.modality == 1.0)
        & (facts.laterality == 1.0)
        & (facts.technique == 1.0)
        & (facts.contrast == ContrastAgreement.MATCH)
        & (facts.additions == 0)
        & (index.context.overlap(parsed.context, facts.rows) == 1.0)
        & (index.unknown.overlap(frozenset(parsed.unknown), facts.rows) == 1.0)
    )
    return same
