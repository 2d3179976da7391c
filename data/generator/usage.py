"""How often each exam is asked for: sampling weights of catalogue rows."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.generator.catalogue import CatalogueRow
from data.generator.lexicon import DIALECT_DIR, read_toml
from data.generator.site import Site

TAIL_EXPONENT = 0.72  # below 1: rare exams come up more often than they are asked for
N_MOST_PER_ROW = 24  # draws, not all of which become a case
DECAY = 0.35
FORBIDDEN = 1e-9
SITE_SPREAD = 0.6


class Usage:
    """Usage weights of rows, from data/source/dialects/usage.toml."""

    def __init__(self, dialect_dir: Path = DIALECT_DIR) -> None:
        self._tables: dict[str, Any] = read_toml(dialect_dir / "usage.toml")

    @property
    def modality_share(self) -> Mapping[str, float]:
        """Share of each modality among a site's answerable lines."""
        shares: Mapping[str, float] = self._tables["modality_share"]
        return shares

    @property
    def code_modalities(self) -> Mapping[str, Sequence[str]]:
        """Modalities that a MODALITY_CODE can stand for."""
        modalities: Mapping[str, Sequence[str]] = self._tables["code_modalities"]
        return modalities

    def weight(self, row: CatalogueRow, site: Site) -> float:
        """Return the relative frequency of a row within its modality at a site."""
        slots, tables = row.slots, self._tables
        factor: Mapping[str, float] = tables["factor"]
        anatomy: Mapping[str, float] = tables["anatomy"].get(slots.modality, {})
        weight = max((anatomy.get(term, 1.0) for term in slots.anatomy), default=1.0)
        weight *= tables["many_anatomy"].get(slots.modality, 1.0) ** max(0, len(slots.anatomy) - 1)
        for term in slots.technique:
            weight *= tables["usual_techniques"].get(term, factor["technique"])
        for term in slots.context:
            weight *= tables["usual_contexts"].get(term, factor["context"])
            weight *= site.context_emphasis.get(term, 1.0)
        for term in slots.intervention:
            weight *= tables["intervention"].get(term, 1.0)
        if slots.contrast != "none":
            weight *= factor["contrast"]
        if slots.laterality == "bilateral":
            weight *= factor["bilateral"]
        elif slots.laterality != "none":
            weight *= factor["one_side"]
        if slots.interventional and slots.modality != "IR":
            weight *= factor["interventional"]
        return float(weight**TAIL_EXPONENT)


class RowSampler:
    """Draw rows of one modality at one site; the more often drawn, the less likely."""

    def __init__(
        self, rows: Sequence[CatalogueRow], site: Site, usage: Usage, rng: random.Random
    ) -> None:
        self._rows = list(rows)
        self._base = [usage.weight(row, site) * rng.lognormvariate(0, SITE_SPREAD) for row in rows]
        self._n_drawn = [0] * len(self._rows)
        self._rng = rng

    def draw(self) -> CatalogueRow:
        """Draw one row."""
        weights = [
            base / (1 + DECAY * n_drawn) if n_drawn < N_MOST_PER_ROW else FORBIDDEN
            for base, n_drawn in zip(self._base, self._n_drawn, strict=True)
        ]
        position = self._rng.choices(range(len(weights)), weights)[0]
        self._n_drawn[position] += 1
        return self._rows[position]


def quotas(n_cases: int, site: Site, usage: Usage, rows: Sequence[CatalogueRow]) -> dict[str, int]:
    """Share out a site's answerable cases among the modalities (the rest goes to the largest)."""
    present = {row.slots.modality for row in rows}
    shares: dict[str, float] = {
        modality: share * site.emphasis.get(modality, 1.0)
        for modality, share in usage.modality_share.items()
        if modality in present
    }
    total = sum(shares.values())
    counts = {modality: int(n_cases * share / total) for modality, share in shares.items()}
    largest = max(counts, key=lambda modality: counts[modality])
    counts[largest] += n_cases - sum(counts.values())
    return counts
