"""Build the rows of the synthetic catalogue from its readable source."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.generator.source import (
    SOURCE_DIR,
    Conventions,
    SourceError,
    Study,
    read_conventions,
    read_studies,
    split_phrase,
)
from data.generator.wording import Exam, fully_specified_name, short_base_name, short_name

DEFAULT_SEED = 20_240
ALL_SIDES = ("left", "right", "bilateral")
ALWAYS_INTERVENTIONAL = frozenset({"IR"})


class RowSlots(NamedTuple):
    """What a row means, in canonical terms (see data/source/terms.toml).

    Attributes
    ----------
    modality
        XR, CT, MR, US, NM, PET, FL, MG, DXA, IR or OT.
    laterality
        none, left, right or bilateral.
    contrast
        none (the name says nothing), with, without or with_and_without.
    """

    modality: str
    anatomy: tuple[str, ...]
    laterality: str
    contrast: str
    technique: tuple[str, ...]
    intervention: tuple[str, ...]
    context: tuple[str, ...]
    interventional: bool


class CatalogueRow(NamedTuple):
    """One row of the catalogue. The concept id is shared by the sides of an exam: no key."""

    concept_id: str
    fsn: str
    laterality_concept_id: str
    laterality_fsn: str
    is_diagnostic: bool
    is_interventional: bool
    preferred_name: str
    slots: RowSlots


class _Draft(NamedTuple):
    """An exam with its wording and sides, before it gets a concept id."""

    base_name: str
    fsn: str
    sides: tuple[str, ...]
    slots: RowSlots


def build_catalogue(
    seed: int = DEFAULT_SEED, source_dir: Path = SOURCE_DIR
) -> tuple[CatalogueRow, ...]:
    """Build every row of the catalogue, in order of concept id and side.

    Parameters
    ----------
    seed
        Draws the wording of the fully specified names; names and slots do not depend on it.
    source_dir
        Directory of the TOML source.

    Raises
    ------
    SourceError
        A term is unknown, a name is too long, or two rows would have the same name.
    """
    conventions = read_conventions(source_dir)
    drafts = sorted(
        itertools.chain.from_iterable(
            _drafts_of(study, conventions, seed) for study in read_studies(source_dir)
        )
    )
    rows = tuple(
        row
        for number, draft in enumerate(drafts, start=1)
        for row in _rows_of(draft, f"LOCAL-{number:06d}", conventions)
    )
    _refuse_repeats("name", (row.preferred_name for row in rows))
    _refuse_repeats("fully specified name", (draft.fsn for draft in drafts))
    return rows


def _drafts_of(study: Study, conventions: Conventions, seed: int) -> Iterator[_Draft]:
    axes = (study.parts, study.techniques, study.actions, study.contexts, study.contrast)
    for exam in itertools.starmap(Exam, itertools.product(*axes)):
        if study.pairs and (exam.part, exam.technique or exam.action) not in study.pairs:
            continue
        base_name = short_base_name(exam, study, conventions)
        yield _Draft(
            base_name=base_name,
            fsn=fully_specified_name(exam, base_name, study, conventions, seed),
            sides=_sides(exam, study, conventions),
            slots=_unsided_slots(exam, study, conventions),
        )


def _rows_of(draft: _Draft, concept_id: str, conventions: Conventions) -> Iterator[CatalogueRow]:
    for side in draft.sides:
        qualifier = conventions.sides.get(side)
        yield CatalogueRow(
            concept_id=concept_id,
            fsn=draft.fsn,
            laterality_concept_id=qualifier.id if qualifier else "",
            laterality_fsn=qualifier.fsn if qualifier else "",
            is_diagnostic=not draft.slots.interventional,
            is_interventional=draft.slots.interventional,
            preferred_name=short_name(draft.base_name, side, conventions),
            slots=draft.slots._replace(laterality=side),
        )


def _unsided_slots(exam: Exam, study: Study, conventions: Conventions) -> RowSlots:
    slots = RowSlots(
        modality=study.modality,
        anatomy=split_phrase(exam.part),
        laterality="none",
        contrast=exam.contrast,
        technique=_union(study.technique, split_phrase(exam.technique)),
        intervention=_union(study.intervention, split_phrase(exam.action)),
        context=_union(study.context, split_phrase(exam.context)),
        interventional=False,
    )
    _refuse_unknown_terms(slots, study, conventions)
    is_interventional = bool(slots.intervention) or slots.modality in ALWAYS_INTERVENTIONAL
    return slots._replace(interventional=is_interventional)


def _sides(exam: Exam, study: Study, conventions: Conventions) -> tuple[str, ...]:
    sides = study.sides
    if sides is None:
        is_paired = all(term in conventions.paired for term in split_phrase(exam.part))
        sides = ALL_SIDES if is_paired else ()
    actions = {*study.intervention, *split_phrase(exam.action)}
    if actions & conventions.one_side_at_a_time:
        sides = tuple(side for side in sides if side != "bilateral")
    return sides or ("none",)


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _refuse_unknown_terms(slots: RowSlots, study: Study, conventions: Conventions) -> None:
    for kind, known in conventions.terms.items():
        unknown = sorted(set(getattr(slots, kind)) - known)
        if unknown:
            raise SourceError(
                f"{study.family}.toml: {kind} {unknown} is not listed in terms.toml "
                f"(study {study.name!r})"
            )


def _refuse_repeats(what: str, texts: Iterable[str]) -> None:
    repeated = sorted(text for text, n_rows in Counter(texts).items() if n_rows > 1)
    if repeated:
        raise SourceError(f"{len(repeated)} rows share a {what}: {repeated}")
