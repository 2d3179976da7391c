"""Read the readable source of the catalogue: one TOML file per family of examinations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

SOURCE_DIR = Path(__file__).resolve().parents[1] / "source"
FAMILIES = (
    "plain_film",
    "dental",
    "breast",
    "densitometry",
    "ct",
    "mr",
    "ultrasound",
    "guided",
    "fluoroscopy",
    "nuclear",
    "pet",
    "vascular",
    "other",
)
SLOT_KINDS = ("anatomy", "technique", "intervention", "context")
NO_TERM = ("",)


class SourceError(ValueError):
    """The source of the catalogue contradicts itself."""


@dataclass(frozen=True)
class Study:
    """One block of a family file: axes that are multiplied with each other.

    Attributes
    ----------
    parts, techniques, actions, contexts
        The axes. A value is a phrase: canonical terms joined by ``" + "``, or "".
    technique, intervention, context
        Terms that every row of the block carries and the templates write out themselves.
    sides
        Sides to write; None means both sides wherever the anatomy is paired.
    pairs
        When not empty, the only combinations allowed: (part, technique or action).
    words
        Phrase -> short wording that holds in this block only.
    """

    family: str
    modality: str
    name: str
    fsn: tuple[str, ...]
    parts: tuple[str, ...]
    title: str = ""
    techniques: tuple[str, ...] = NO_TERM
    actions: tuple[str, ...] = NO_TERM
    contexts: tuple[str, ...] = NO_TERM
    contrast: tuple[str, ...] = ("none",)
    technique: tuple[str, ...] = ()
    intervention: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    sides: tuple[str, ...] | None = None
    pairs: frozenset[tuple[str, str]] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """How one side is written: in the short name, as an id, as a qualifier."""

    name: str
    id: str
    fsn: str


@dataclass(frozen=True)
class Conventions:
    """The rules that all families share (conventions.toml and wording.toml)."""

    terms: Mapping[str, frozenset[str]]
    wording: Mapping[str, Mapping[str, tuple[str, str]]]
    paired: frozenset[str]
    one_side_at_a_time: frozenset[str]
    sides: Mapping[str, Side]
    contrast: Mapping[str, tuple[str, str]]
    shortening: tuple[tuple[str, str], ...]
    american: tuple[tuple[str, str], ...]


def split_phrase(phrase: str) -> tuple[str, ...]:
    """Split a phrase of the source into its canonical terms.

    Parameters
    ----------
    phrase
        Terms joined by ``" + "``; "" stands for none.
    """
    return tuple(term for term in phrase.split(" + ") if term)


def read_toml(name: str, source_dir: Path = SOURCE_DIR) -> dict[str, Any]:
    """Read one file of the source by its stem."""
    return tomllib.loads((source_dir / f"{name}.toml").read_text(encoding="utf-8"))


def read_terms(source_dir: Path = SOURCE_DIR) -> dict[str, frozenset[str]]:
    """Read the canonical terms per slot: anatomy, technique, intervention, context."""
    groups = read_toml("terms", source_dir)
    return {
        kind: frozenset(term for terms in groups[kind].values() for term in terms)
        for kind in SLOT_KINDS
    }


def read_conventions(source_dir: Path = SOURCE_DIR) -> Conventions:
    """Read the canonical terms, their wording and the rules of naming."""
    raw = read_toml("conventions", source_dir)
    wording = read_toml("wording", source_dir)
    sides = raw["sides"]
    return Conventions(
        terms=read_terms(source_dir),
        wording={
            kind: {phrase: _pair(texts) for phrase, texts in wording[kind].items()}
            for kind in SLOT_KINDS
        },
        paired=frozenset(sides["paired"]),
        one_side_at_a_time=frozenset(sides["one_side_at_a_time"]),
        sides={side: Side(**sides[side]) for side in ("left", "right", "bilateral")},
        contrast={state: _pair(texts) for state, texts in raw["contrast"].items()},
        shortening=tuple(_pair(step) for step in raw["shortening"]["steps"]),
        american=tuple(_pair(step) for step in raw["spelling"]["american"]),
    )


def read_studies(source_dir: Path = SOURCE_DIR) -> Iterator[Study]:
    """Read every block of every family file, in order.

    Raises
    ------
    SourceError
        A block has an unknown key, lacks a needed one or names an unknown group.
    """
    groups = read_toml("groups", source_dir)
    for family in FAMILIES:
        raw = read_toml(family, source_dir)
        for block in raw["study"]:
            yield _study(family, raw["family"], block, groups)


def _study(
    family: str,
    shared: Mapping[str, Any],
    block: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
) -> Study:
    merged = {**shared, **block, "family": family}
    merged["words"] = {**shared.get("words", {}), **block.get("words", {})}
    unknown = sorted(set(merged) - {known.name for known in fields(Study)})
    if unknown or "parts" not in merged:
        raise SourceError(f"{family}.toml: unknown keys {unknown} or no parts in {dict(block)}")
    for key, value in merged.items():
        if isinstance(value, list):
            merged[key] = tuple(value)
    merged["parts"] = tuple(_expand_groups(merged["parts"], groups))
    merged["pairs"] = frozenset(_pair(pair) for pair in merged.get("pairs", ()))
    return Study(**merged)


def _expand_groups(parts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for part in parts:
        if not part.startswith("@"):
            yield part
        elif part[1:] in groups:
            yield from groups[part[1:]]
        else:
            raise SourceError(f"groups.toml has no group {part[1:]!r}; it has {sorted(groups)}")


def _pair(texts: Sequence[str]) -> tuple[str, str]:
    first, second = texts
    return first, second
