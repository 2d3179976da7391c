"""Build the labelled training cases of the nine sites."""

from __future__ import annotations

from collections.abc import Sequence

from data.generator.catalogue import CatalogueRow
from data.generator.lexicon import Atom, read_lexicon
from data.generator.meaning import MeaningIndex, meaning_of
from data.generator.site import read_sites
from data.generator.site_cases import Catalogue, NameRegister, SiteCases
from data.generator.unanswerable import Unanswerable
from data.generator.usage import Usage


def build_training_files(
    rows: Sequence[CatalogueRow], seed: int
) -> dict[str, list[dict[str, str | None]]]:
    """Build the training files: file name -> records of one site.

    Parameters
    ----------
    rows
        The catalogue.
    seed
        Seed of every draw; sites draw from their own sub-seeds.

    Returns
    -------
    dict
        Records with DATA_SOURCE, MODALITY_CODE, EXAM_CODE, EXAM_NAME and EXPECTED_NAME (the
        preferred name of the gold row, or None when no row answers the line).
    """
    index = MeaningIndex(rows)
    catalogue = Catalogue(
        rows=tuple(rows),
        meanings=index,
        lexicon=read_lexicon(),
        usage=Usage(),
        unanswerable=Unanswerable(rows, index),
        terms=_terms(rows),
    )
    names = NameRegister()
    return {
        site.file_name: SiteCases(site, catalogue, names, seed).build() for site in read_sites()
    }


def _terms(rows: Sequence[CatalogueRow]) -> tuple[Atom, ...]:
    return tuple(sorted({atom for row in rows for atom in meaning_of(row.slots).atoms}))
