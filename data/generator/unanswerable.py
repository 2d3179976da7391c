"""Lines that map to no catalogue row: not exams, not in the catalogue, or too vague."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.generator.catalogue import CatalogueRow
from data.generator.lexicon import DIALECT_DIR, Atoms, read_toml
from data.generator.meaning import Meaning, MeaningIndex, meaning_of
from data.generator.site import Site, pick

MIN_CHOICES = 2


class Line(NamedTuple):
    """An unanswerable name; `modality` is empty when the line belongs to none."""

    name: str
    modality: str


class Unanswerable:
    """Draw unanswerable lines that the catalogue really does not answer.

    Parameters
    ----------
    rows
        The catalogue, to leave out lines that one of its rows would answer.
    """

    def __init__(
        self,
        rows: Sequence[CatalogueRow],
        index: MeaningIndex,
        dialect_dir: Path = DIALECT_DIR,
    ) -> None:
        tables = read_toml(dialect_dir / "unanswerable.toml")
        self._index = index
        self.share: Mapping[str, float] = tables["share"]
        texts = " | ".join(f"{row.preferred_name} | {row.fsn}" for row in rows).lower()
        self._non_clinical: Mapping[str, Any] = tables["non_clinical"]
        self._absent = [
            entry
            for entry in tables["absent"]["lines"]
            if re.search(rf"\b{re.escape(entry['word'])}", texts) is None
        ]
        self._vague = [entry for entry in tables["vague"]["lines"] if self._is_vague(entry)]
        self._side_needed = frozenset(tables["no_side"]["anatomy"])
        self._sided = [row for row in rows if self._needs_its_side(row)]

    @property
    def sided_rows(self) -> tuple[CatalogueRow, ...]:
        """Rows that a name without its side leaves open."""
        return tuple(self._sided)

    @property
    def vague_texts(self) -> tuple[str, ...]:
        """Lines that fit several rows."""
        return tuple(entry["text"] for entry in self._vague)

    @property
    def absent_texts(self) -> tuple[str, ...]:
        """Lines whose procedure no row has."""
        return tuple(entry["text"] for entry in self._absent)

    def draw(self, kind: str, site: Site, rng: random.Random) -> Line:
        """Draw one line of a kind (non_clinical, absent or vague) in the site's words."""
        if kind == "non_clinical":
            text = rng.choice(list(self._non_clinical["lines"]))
            modality = rng.choice(list(self._non_clinical["modalities"]))
            mentioned = re.search(r"\{(\w+)\}", text)
            modality = mentioned.group(1) if mentioned else modality
        else:
            entry = rng.choice(self._absent if kind == "absent" else self._vague)
            text, modality = entry["text"], entry["modality"]
        return Line(self._in_site_words(text, site, rng), modality)

    def draw_sided_row(self, rng: random.Random) -> CatalogueRow:
        """Draw a row that a name without its side leaves open."""
        return rng.choice(self._sided)

    def _in_site_words(self, text: str, site: Site, rng: random.Random) -> str:
        for modality, words in site.modality_words.items():
            word = rng.choice(list(words)).removesuffix(" of")
            if text.endswith("} scan"):
                word = word.removesuffix(" scan")
            text = text.replace(f"{{{modality}}}", word)
        mode = pick(rng, site.case)
        if mode == "upper":
            return text.upper()
        if mode == "lower":
            return text.lower()
        return text[0].upper() + text[1:]

    def _is_vague(self, entry: Mapping[str, Any]) -> bool:
        pairs = (text.partition(":") for text in entry.get("atoms", ()))
        atoms: Atoms = frozenset((kind, term) for kind, _, term in pairs)
        choices = self._index.at_least(atoms, [entry["modality"]])
        exact = self._index.exact(Meaning(atoms, "none", "none"), [entry["modality"]])
        return not exact and len(choices) >= MIN_CHOICES

    def _needs_its_side(self, row: CatalogueRow) -> bool:
        meaning = meaning_of(row.slots)
        if meaning.laterality not in {"left", "right"} or row.slots.interventional:
            return False
        if not self._side_needed.issuperset(row.slots.anatomy):
            return False
        others = self._index.at_least(meaning.atoms, [row.slots.modality])
        return all(other.laterality != "none" for other, _ in others)
