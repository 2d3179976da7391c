"""One site and its dialect, as written down in data/source/dialects/sites."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from data.generator.lexicon import DIALECT_DIR, Atom, Lexicon, read_toml

Weights = Mapping[str, float]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Site(NamedTuple):
    """A site: its tables of spellings and the habits with which it writes names."""

    file_name: str
    source: str
    n_records: int
    registers: Weights
    case: Weights
    code: Mapping[str, Any]
    drop_modality: float
    join: Weights
    action_first: float
    side_place: Weights
    contrast_place: Weights
    technique_brackets: float
    guided: Sequence[str]
    truncate: Mapping[str, float]
    typo: float
    suffix_share: float
    suffixes: Sequence[str]
    prefix_share: float
    prefixes: Sequence[str]
    protocol_share: float
    blank_code: float
    wrong_code: float
    local_share: float
    emphasis: Weights
    modality_words: Mapping[str, Sequence[str]]
    modality_codes: Mapping[str, Weights]
    laterality: Mapping[str, Sequence[str]]
    contrast: Mapping[str, Sequence[str]]
    local: Mapping[str, Mapping[str, Sequence[str]]]
    protocol: Mapping[str, Sequence[str]] = NOTHING
    context_emphasis: Weights = NOTHING
    modality_suffixes: Mapping[str, Sequence[str]] = NOTHING
    modality_suffix_share: float = 0.0


def read_sites(dialect_dir: Path = DIALECT_DIR) -> tuple[Site, ...]:
    """Read the nine sites, in order of their version number."""
    paths = sorted(
        (dialect_dir / "sites").glob("v*.toml"),
        key=lambda path: int(path.stem.partition("_")[0][1:]),
    )
    return tuple(_read_site(path) for path in paths)


def _read_site(path: Path) -> Site:
    version = path.stem.partition("_")[0]
    return Site(file_name=f"radiology_codes_cleaned_{version}.json", **read_toml(path))


def pick(rng: random.Random, weights: Weights) -> str:
    """Draw a key in proportion to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


class Habits:
    """What a site prefers to write for each term: drawn once, then kept.

    A site spells most things one way and now and then another way, so every term gets its own
    weights over the spellings of the site's registers.

    Parameters
    ----------
    seed
        Seed of the preferences.
    """

    def __init__(self, site: Site, lexicon: Lexicon, seed: str) -> None:
        self._site = site
        self._lexicon = lexicon
        self._seed = seed
        self._weights: dict[tuple[Atom, str], dict[str, float]] = {}

    def spell(self, atom: Atom, rng: random.Random, variant: str = "") -> str:
        """Spell a term the site's way.

        Parameters
        ----------
        variant
            A form to prefer where the term has it: plural, sided or unsided.
        """
        kind, term = atom
        local = self._site.local.get(kind, {}).get(term)
        if local and rng.random() < self._site.local_share:
            return rng.choice(list(local))
        key = (atom, variant)
        if key not in self._weights:
            self._weights[key] = self._preferences(atom, variant)
        return pick(rng, self._weights[key])

    def _preferences(self, atom: Atom, variant: str) -> dict[str, float]:
        rng = random.Random(f"{self._seed}:{atom}:{variant}")
        registers = self._lexicon.of(atom)
        if variant in registers:
            return {text: rng.lognormvariate(0, 1.2) for text in registers[variant]}
        weights: dict[str, float] = {}
        for register, share in self._site.registers.items():
            texts = registers.get(register, registers["plain"])
            for text in texts:
                habit = rng.lognormvariate(0, 1.2)
                weights[text] = weights.get(text, 0.0) + share * habit / len(texts)
        return weights
