"""Facts about the rows for one name: similarities and indicators, before any weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.coefficients import FEATURE_GRID, N_FEATURES, Feature
from engine.contrast import CONTRAST_AGREEMENT, CONTRASTS, ContrastAgreement
from engine.departures import departures
from engine.grid import on_grid
from engine.laterality import LATERALITY_SIMILARITY, SIDES
from engine.shown_anatomy import shown_anatomy
from engine.slots import Contrast, Laterality, Modality
from engine.vetoes import vetoed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.index import CatalogueIndex
    from engine.query import Query

_UNSTATED_MODALITY = 0.5


class SlotFacts(NamedTuple):
    """How every row's slots compare with the name's; all arrays have shape (n_rows,).

    Attributes
    ----------
    anatomy, modality, laterality, technique : ndarray of float64
        Similarities in [0, 1], multiples of 1/128.
    contrast : ndarray of int
        `ContrastAgreement` of each row.
    additions : ndarray of int64
        How many things the row says that the name does not.
    departs : ndarray of uint8
        How the row departs from the name, as `Departure` flags.
    """

    anatomy: NDArray[np.float64]
    modality: NDArray[np.float64]
    laterality: NDArray[np.float64]
    technique: NDArray[np.float64]
    contrast: NDArray[np.intp]
    additions: NDArray[np.int64]
    departs: NDArray[np.uint8]


class Candidates(NamedTuple):
    """The rows kept for one name, in tie-break order, and their feature vectors.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_candidates,)
        Positions in the catalogue; fewer unstated additions first, then preferred name.
    features : ndarray of float32, shape (n_candidates, n_features)
    departs : ndarray of uint8, shape (n_candidates,)
        How each row departs from the name, as `Departure` flags.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float32]
    departs: NDArray[np.uint8]


def find_candidates(
    query: Query,
    index: CatalogueIndex,
    cosines: NDArray[np.float32],
    frequency: NDArray[np.float64],
    top_k: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
) -> Candidates:
    """Retrieve the rows worth ranking and compute their features.

    Parameters
    ----------
    query : Query
    index : CatalogueIndex
    cosines : ndarray of float32, shape (n_rows,)
        Text similarity of the name with each row.
    frequency : ndarray of float64, shape (n_rows,)
        How often each row is used, multiples of 1/128 in [0, 1].
    top_k : int
        Rows to keep.
    allowed : ndarray of bool, shape (n_rows,), optional
        Rows to choose from; those that no veto removes when not given.
    """
    facts = slot_facts(query, index)
    if allowed is None:
        allowed = ~vetoed(query, index)
    rows = _retrieve(index, facts, cosines, allowed, top_k)
    rows = rows[np.lexsort((index.name_order[rows], facts.additions[rows]))]
    features = _slot_features(query, index, facts, rows)
    features[:, Feature.SEMANTIC] = _semantic(query.parsed.text, index, cosines, rows)
    features[:, Feature.FREQUENCY] = frequency[rows]
    return Candidates(rows, features.astype(np.float32), facts.departs[rows])


def slot_facts(query: Query, index: CatalogueIndex) -> SlotFacts:
    """Compare the slots of a name with those of every row."""
    parsed = query.parsed
    anatomy, anatomy_additions = index.anatomy.compare(shown_anatomy(parsed))
    actions = parsed.technique | parsed.intervention
    unsided = parsed.laterality is Laterality.NONE
    unenhanced = parsed.contrast is Contrast.NONE
    return SlotFacts(
        anatomy=anatomy,
        modality=_modality(query, index),
        laterality=LATERALITY_SIMILARITY[SIDES.index(parsed.laterality)][index.laterality],
        technique=index.technique.overlap(actions),
        contrast=CONTRAST_AGREEMENT[CONTRASTS.index(parsed.contrast)][index.contrast],
        additions=anatomy_additions
        + index.technique.additions(actions)
        + index.context.additions(parsed.context)
        + index.unknown.additions(frozenset(parsed.unknown))
        + (index.sided & unsided)
        + (index.gives_contrast & unenhanced),
        departs=departures(query, index, anatomy),
    )


def _modality(query: Query, index: CatalogueIndex) -> NDArray[np.float64]:
    """Stated by the text: overlap; only by the code (any of a family): 1 or 0; unstated: half."""
    stated = query.parsed.modalities
    if stated:
        similarity = index.modality.overlap(frozenset(map(str, stated)))
        if query.is_department:
            fluoroscopic = index.modality.overlap(frozenset({str(Modality.FL)}))
            similarity = np.maximum(similarity, fluoroscopic)
    elif query.code_modalities:
        apart = index.modality.disjoint(frozenset(map(str, query.code_modalities)))
        similarity = np.where(apart, 0.0, 1.0)
    else:
        similarity = np.full(len(index), _UNSTATED_MODALITY)
    return np.where(index.states_modality, similarity, _UNSTATED_MODALITY)


def _retrieve(
    index: CatalogueIndex,
    facts: SlotFacts,
    cosines: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    top_k: int,
) -> NDArray[np.int64]:
    """Return the `top_k` allowed rows that stand first by the retrieval mix."""
    mix = index.retrieval.weights
    score = (
        mix.text * cosines
        + mix.anatomy * facts.anatomy
        + mix.modality * facts.modality
        + mix.laterality * facts.laterality
        + mix.technique * facts.technique
        + mix.contrast * (facts.contrast == ContrastAgreement.MATCH)
    )
    rows: NDArray[np.int64] = np.flatnonzero(allowed)
    score = score[rows]
    if len(rows) > top_k:
        at_least = np.partition(score, -top_k)[-top_k]
        rows, score = rows[score >= at_least], score[score >= at_least]
    return rows[np.lexsort((index.name_order[rows], -score))[:top_k]]


def _slot_features(
    query: Query, index: CatalogueIndex, facts: SlotFacts, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    parsed = query.parsed
    features = np.zeros((len(rows), N_FEATURES), dtype=np.float64)
    features[:, Feature.ANATOMY] = facts.anatomy[rows]
    features[:, Feature.MODALITY] = facts.modality[rows]
    features[:, Feature.LATERALITY] = facts.laterality[rows]
    for agreement, feature in (
        (ContrastAgreement.MATCH, Feature.CONTRAST_MATCH),
        (ContrastAgreement.MISMATCH, Feature.CONTRAST_MISMATCH),
        (ContrastAgreement.ONE_SIDE_UNSTATED, Feature.CONTRAST_NULL),
    ):
        features[:, feature] = facts.contrast[rows] == agreement
    features[:, Feature.TECHNIQUE] = facts.technique[rows]
    interventional = index.interventional[rows]
    if parsed.interventional:
        features[:, Feature.INTERVENTIONAL_AGREEMENT] = interventional
        features[:, Feature.INTERVENTIONAL_CONFLICT] = ~interventional
    else:
        features[:, Feature.INTERVENTIONAL_CONFLICT] = interventional
    features[:, Feature.UNSTATED_ADDITIONS] = facts.additions[rows]
    features[:, Feature.EXACT_MATCH] = [
        parsed.canonical in (index.slots[row].name.canonical, index.slots[row].fsn.canonical)
        for row in rows.tolist()
    ]
    features[:, Feature.SYNONYM_MATCH] = _same_slots(query, index, facts, rows)
    if parsed.context:
        features[:, Feature.CONTEXT_MATCH] = index.context.overlap(parsed.context)[rows]
    return features


def _semantic(
    text: str,
    index: CatalogueIndex,
    cosines: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Mean of the TF-IDF cosine of canonical texts and the token set ratio of texts as written."""
    cosine = np.minimum(cosines[rows].astype(np.float64), 1.0)
    return on_grid((cosine + index.text.token_similarities(text, rows)) / 2, FEATURE_GRID)


def _same_slots(
    query: Query, index: CatalogueIndex, facts: SlotFacts, rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell where every slot is the same and no word of either side is left unexplained."""
    same: NDArray[np.bool_] = (
        (facts.anatomy[rows] == 1.0)
        & (facts.modality[rows] == 1.0)
        & (facts.laterality[rows] == 1.0)
        & (facts.technique[rows] == 1.0)
        & (facts.contrast[rows] == ContrastAgreement.MATCH)
        & (facts.additions[rows] == 0)
        & (index.context.overlap(query.parsed.context)[rows] == 1.0)
        & (index.unknown.overlap(frozenset(query.parsed.unknown))[rows] == 1.0)
    )
    return same
