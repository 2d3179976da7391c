"""Find other readings of a spelling: "PV" is a portal vein here, something else there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from data.generator.lexicon import Atom, Atoms, Lexicon
from data.generator.meaning import MeaningIndex
from data.generator.phrases import Phrases
from data.generator.site import Site


class Readings:
    """Everything that the spellings of a site could stand for."""

    def __init__(self, site: Site, lexicon: Lexicon, terms: Sequence[Atom]) -> None:
        self._meanings: dict[str, set[Atoms]] = defaultdict(set)
        for atom in terms:
            for spellings in lexicon.of(atom).values():
                for text in spellings:
                    self._meanings[text.lower()].add(frozenset({atom}))
        for rule in lexicon.composites:
            for text in (*rule.spellings, *rule.american):
                self._meanings[text.lower()].add(rule.covers)
        for kind, table in site.local.items():
            for term, texts in table.items():
                for text in texts:
                    self._meanings[text.lower()].add(frozenset({(kind, term)}))

    @property
    def words(self) -> frozenset[str]:
        """Every lower-case word of every spelling."""
        return frozenset(word for text in self._meanings for word in text.split())

    def another_row(
        self, phrases: Phrases, modalities: Sequence[str], index: MeaningIndex
    ) -> bool:
        """Tell whether reading one spelling otherwise leads to another row."""
        return any(
            self._leads_elsewhere(phrases, covers, other, modalities, index)
            for text, covers in phrases.units
            for other in sorted(self._meanings[text.lower()] - {covers}, key=sorted)
        )

    def _leads_elsewhere(
        self,
        phrases: Phrases,
        covers: Atoms,
        other: Atoms,
        modalities: Sequence[str],
        index: MeaningIndex,
    ) -> bool:
        named = {term for kind, term in other if kind == "modality"}
        allowed = [modality for modality in modalities if not named or modality in named]
        atoms = frozenset(
            atom for atom in (phrases.meaning.atoms - covers) | other if atom[0] != "modality"
        )
        rows = index.exact(phrases.meaning._replace(atoms=atoms), allowed)
        return any(row != phrases.row for row in rows)
