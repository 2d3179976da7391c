"""What the catalogue's rows truly are, to count critical errors: never from the engine itself.

For the shipped catalogue the truth is ``slots.json``, written by the catalogue's builder. An
imported catalogue has no such file; its slots are then read by the engine's own parser, and the
count says so.
"""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from engine.reading.patient import PATIENT_GROUPS, stated_groups
from engine.reading.slots import GIVES_CONTRAST, Contrast, Laterality, Modality
from objectives.configuration import resolve
from support.errors import InputFileError, shown
from support.files import read_json
from support.hashing import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.catalogue.row_slots import RowSlots
    from engine.catalogue.rows import CatalogueRow

CRITICAL_KINDS = ("side", "modality", "contrast", "interventional", *PATIENT_GROUPS)
_NO_SIDE = "none"
_Kind = TypeVar("_Kind", bound=StrEnum)


class _Row(NamedTuple):
    modality: str
    laterality: str
    gives_contrast: bool
    interventional: bool
    patient: dict[str, frozenset[str]]


class RowTruth:
    """The safety-relevant slots of every catalogue row.

    Parameters
    ----------
    rows : sequence of CatalogueRow
    slots : sequence of RowSlots
        The parser's reading, used when `path` does not describe every row: it then belongs to
        another catalogue, even if some names are the same.
    path : Path
        ``slots.json``.

    Attributes
    ----------
    source : str
        ``slots.json`` or ``parser``.
    sha256 : str
        Hash of the file; empty when the parser speaks.

    Raises
    ------
    InputFileError
        When the file is malformed.
    """

    def __init__(
        self, rows: Sequence[CatalogueRow], slots: Sequence[RowSlots], path: Path
    ) -> None:
        described = _read(path)
        names = [row.preferred_name for row in rows]
        if all(name in described for name in names):
            self.source, self.sha256 = "slots.json", sha256_of_file(resolve(path))
            truths = [described[name] for name in names]
        else:
            self.source, self.sha256 = "parser", ""
            truths = [_from_parser(row) for row in slots]
        self._modality_by_name = dict(zip(names, (row.modality for row in truths), strict=True))
        self._modality = _codes([row.modality for row in truths])
        self._laterality = np.array([row.laterality for row in truths])
        self._contrast = np.array([row.gives_contrast for row in truths])
        self._interventional = np.array([row.interventional for row in truths])
        self._patient_terms = [
            np.array([[term in row.patient[group] for term in sorted(terms)] for row in truths])
            for group, terms in PATIENT_GROUPS.items()
        ]

    def modality_of(self, preferred_name: str) -> str:
        """Return the modality of a row by its preferred name."""
        return self._modality_by_name[preferred_name]

    def critical(self, gold: NDArray[np.int64], answer: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell in which ways an answer is dangerous when the gold row is right.

        A side is wrong when the answer states one that the gold row does not. A modality is wrong
        when it differs. Contrast is contradicted when only one of the two gives it. A diagnostic
        gold row must not become an interventional answer. Pregnancy, age or sex is wrong when the
        answer states one that the gold row does not.

        Parameters
        ----------
        gold, answer : ndarray of int64, any common shape
            Positions of catalogue rows, not negative.

        Returns
        -------
        ndarray of bool, shape (..., n_kinds)
            In the order of `CRITICAL_KINDS`.
        """
        side = (self._laterality[answer] != self._laterality[gold]) & (
            self._laterality[answer] != _NO_SIDE
        )
        modality = self._modality[answer] != self._modality[gold]
        contrast = self._contrast[answer] != self._contrast[gold]
        interventional = self._interventional[answer] & ~self._interventional[gold]
        patient = [
            np.any(stated[answer] & ~stated[gold], axis=-1) for stated in self._patient_terms
        ]
        return np.stack([side, modality, contrast, interventional, *patient], axis=-1)


def _codes(values: Sequence[str]) -> NDArray[np.int64]:
    order = {value: code for code, value in enumerate(sorted(set(values)))}
    return np.array([order[value] for value in values], dtype=np.int64)


def _read(path: Path) -> dict[str, _Row]:
    found = resolve(path)
    if not found.exists():
        return {}
    document = read_json(found)
    if not isinstance(document, dict):
        raise InputFileError(f"{path}: an object of preferred names is expected")
    return {str(name): _row(slots, f"{path}: {name!r:.100}") for name, slots in document.items()}


def _row(slots: object, where: str) -> _Row:
    if not isinstance(slots, dict):
        raise InputFileError(f"{where}: an object of slots is expected")
    try:
        return _Row(
            modality=_one_of(Modality, slots, "modality"),
            laterality=_one_of(Laterality, slots, "laterality"),
            gives_contrast=_one_of(Contrast, slots, "contrast") in GIVES_CONTRAST,
            interventional=_yes_or_no(slots["interventional"]),
            patient=stated_groups(_context(slots.get("context", []))),
        )
    except KeyError as error:
        raise InputFileError(f"{where}: the key {error} is missing") from None
    except ValueError as error:
        raise InputFileError(f"{where}: {error}") from None


def _one_of(kind: type[_Kind], slots: Mapping[str, object], name: str) -> _Kind:
    value = slots[name]
    if isinstance(value, str):
        with suppress(ValueError):
            return kind(value)
    raise ValueError(f"{name} must be one of {', '.join(kind)}, found {shown(value):.60}")


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"interventional must be true or false, found {shown(value):.60}")
    return value


def _context(terms: object) -> frozenset[str]:
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise ValueError(f"context must be a list of terms, found {shown(terms):.60}")
    return frozenset(terms)


def _from_parser(slots: RowSlots) -> _Row:
    return _Row(
        modality="+".join(sorted(slots.modalities)),
        laterality=slots.laterality,
        gives_contrast=slots.contrast in GIVES_CONTRAST,
        interventional=slots.interventional,
        patient=stated_groups(slots.context),
    )
