"""Read the spellings that the dialects choose from (data/source/dialects/lexicon)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from data.generator.source import SOURCE_DIR

DIALECT_DIR = SOURCE_DIR / "dialects"
ARTERIAL = (" artery", " vein")

Atom = tuple[str, str]
Atoms = frozenset[Atom]


class Composite(NamedTuple):
    """One spelling for several slot terms at once ("CTPA").

    Attributes
    ----------
    covers
        Slot terms, as (kind, term), that the spelling stands for.
    share
        How often it is used where it could be, [0, 1].
    is_partial
        Whether other anatomy terms may be left over.
    """

    covers: Atoms
    spellings: tuple[str, ...]
    american: tuple[str, ...]
    share: float
    bar: Atoms
    is_partial: bool
    is_diagnostic: bool


class Lexicon(NamedTuple):
    """Every spelling, by kind, term and register."""

    spellings: dict[Atom, dict[str, tuple[str, ...]]]
    places: dict[str, str]
    composites: tuple[Composite, ...]
    modifiers: tuple[str, ...]
    photography: tuple[str, ...]
    untouchable: frozenset[str]
    regions: dict[str, str]

    def of(self, atom: Atom) -> dict[str, tuple[str, ...]]:
        """Return the registers of a term; a term that is not listed is written as it stands."""
        kind, term = atom
        registers = dict(self.spellings.get(atom, {}))
        registers.setdefault("plain", (term[0].upper() + term[1:],))
        if kind == "anatomy" and term.endswith(ARTERIAL):
            return _vessel_registers(term, registers)
        return registers


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file."""
    with path.open("rb") as file:
        return tomllib.load(file)


def read_lexicon(dialect_dir: Path = DIALECT_DIR) -> Lexicon:
    """Read all lexicon tables."""
    folder = dialect_dir / "lexicon"
    spellings: dict[Atom, dict[str, tuple[str, ...]]] = {}
    places: dict[str, str] = {}
    for kind in ("anatomy", "technique", "intervention", "context"):
        for term, entry in read_toml(folder / f"{kind}.toml")["terms"].items():
            places[term] = entry.pop("place", "tail")
            spellings[kind, term] = {name: tuple(texts) for name, texts in entry.items()}
    grammar = read_toml(folder / "grammar.toml")
    rules = read_toml(folder / "composites.toml")["rule"]
    return Lexicon(
        spellings=spellings,
        places=places,
        composites=tuple(_composite(rule) for rule in rules),
        modifiers=tuple(grammar["modifiers"]),
        photography=tuple(grammar["photography"]),
        untouchable=frozenset(grammar["untouchable"]),
        regions={
            term: region.title() for region, terms in grammar["region"].items() for term in terms
        },
    )


def _composite(rule: dict[str, Any]) -> Composite:
    return Composite(
        covers=_atoms(rule["covers"]),
        spellings=tuple(rule["spellings"]),
        american=tuple(rule.get("us", ())),
        share=rule["share"],
        bar=_atoms(rule.get("bar", ())),
        is_partial=rule.get("partial", False),
        is_diagnostic=rule.get("diagnostic", False),
    )


def _atoms(texts: list[str]) -> Atoms:
    pairs = (text.partition(":") for text in texts)
    return frozenset((kind, term) for kind, _, term in pairs)


def _vessel_registers(
    term: str, registers: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    stem, _, noun = term.rpartition(" ")
    stem = stem[0].upper() + stem[1:]
    clipped = "art" if noun == "artery" else "v"
    registers.setdefault("formal", (f"{stem} {noun}", f"{noun.title()} {stem.lower()}"))
    registers.setdefault("short", (f"{stem} {clipped}", f"{stem} {clipped}."))
    return registers
