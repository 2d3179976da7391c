"""Build the cases of one site: draw rows, write names, refuse what is ambiguous."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import NamedTuple

from data.generator.catalogue import CatalogueRow
from data.generator.codes import Codes
from data.generator.lexicon import Atom, Lexicon
from data.generator.meaning import MeaningIndex
from data.generator.noise import Noise
from data.generator.phrases import Phraser, Phrases
from data.generator.protocols import protocol_name
from data.generator.readings import Readings
from data.generator.site import Habits, Site, pick
from data.generator.unanswerable import Unanswerable
from data.generator.usage import RowSampler, Usage, quotas
from data.generator.word_order import order_pieces, write_out

N_TRIES = 12
N_DRAWS_PER_CASE = 40
REPEAT_SHARE = 0.015
MAX_LENGTH = 56


class Catalogue(NamedTuple):
    """What every site shares."""

    rows: tuple[CatalogueRow, ...]
    meanings: MeaningIndex
    lexicon: Lexicon
    usage: Usage
    unanswerable: Unanswerable
    terms: tuple[Atom, ...]


class Case(NamedTuple):
    """A name, the modality code it is filed under, and its gold row, if any."""

    name: str
    code: str
    modality: str
    gold: str | None


class NameRegister:
    """Remember what each name stands for, over all sites: one name, one row."""

    def __init__(self) -> None:
        self._gold: dict[tuple[str, str], str | None] = {}

    def admits(self, case: Case) -> bool:
        """Tell whether the name is new or already stands for the same row, and note it."""
        folded = fold(case.name)
        keys = [(folded, case.modality), (folded, f"code {case.code}")]
        if any(self._gold.get(key, case.gold) != case.gold for key in keys):
            return False
        self._gold.update(dict.fromkeys(keys, case.gold))
        return True


def fold(name: str) -> str:
    """Return a name without case, spaces and separators that a reader would not heed."""
    return re.sub(r"[\s_.,()&^*/-]+", " ", name.casefold().replace(" and ", " ")).strip()


class SiteCases:
    """Build the records of one site."""

    def __init__(self, site: Site, catalogue: Catalogue, names: NameRegister, seed: int) -> None:
        self._site = site
        self._catalogue = catalogue
        self._names = names
        self._rng = random.Random(f"{seed}:{site.source}")
        habits = Habits(site, catalogue.lexicon, f"{seed}:{site.source}")
        self._phraser = Phraser(site, catalogue.lexicon, habits, catalogue.meanings)
        self._readings = Readings(site, catalogue.lexicon, catalogue.terms)
        words = self._readings.words | {
            word for _, term in catalogue.terms for word in term.split()
        }
        self._noise = Noise(words, catalogue.lexicon.untouchable)
        self._codes = Codes(site)
        self._seen: Counter[tuple[str, str]] = Counter()

    def build(self) -> list[dict[str, str | None]]:
        """Build all records, in a seeded order."""
        n_unanswerable = round(self._site.n_records * self._catalogue.unanswerable.share["total"])
        cases = [
            *self._answerable(self._site.n_records - n_unanswerable),
            *self._unanswerable(n_unanswerable),
        ]
        self._rng.shuffle(cases)
        return [self._record(case) for case in cases]

    def _answerable(self, n_cases: int) -> list[Case]:
        usage = self._catalogue.usage
        cases: list[Case] = []
        for modality, quota in quotas(n_cases, self._site, usage, self._catalogue.rows).items():
            rows = [row for row in self._catalogue.rows if row.slots.modality == modality]
            sampler = RowSampler(rows, self._site, usage, self._rng)
            found: list[Case] = []
            for _ in range(quota * N_DRAWS_PER_CASE):
                if len(found) == quota:
                    break
                case = self._name_row(sampler.draw())
                if case is not None and self._is_new(case):
                    found.append(case)
            cases.extend(found)
        return cases

    def _name_row(self, row: CatalogueRow) -> Case | None:
        for _ in range(N_TRIES):
            phrases = self._phraser.phrase(row, self._rng)
            case = self._write(phrases)
            if case is not None and self._is_clear(phrases, case):
                return case
        return None

    def _write(self, phrases: Phrases) -> Case | None:
        rng, site = self._rng, self._site
        modality = phrases.row.slots.modality
        code = self._modality_code(modality, states_modality=phrases.states_modality)
        name = None
        if rng.random() < site.protocol_share:
            name = protocol_name(phrases, site, self._catalogue.lexicon, rng)
        if name is None:
            name = write_out(order_pieces(phrases, site, rng), site, rng)
            name = self._spoil(name, modality)
        if name is None or len(name) > MAX_LENGTH or not name.strip():
            return None
        return Case(name, code, modality, phrases.row.preferred_name)

    def _spoil(self, name: str, modality: str) -> str | None:
        rng, site = self._rng, self._site
        length = int(site.truncate["length"])
        must_fit = rng.random() < site.truncate["share"]
        suffix = self._suffix(modality)
        if suffix:
            longer = f"{name} {suffix.upper() if name.isupper() else suffix}"
            name = longer if not must_fit or len(longer) <= length else name
        elif rng.random() < site.prefix_share:
            prefix = rng.choice(list(site.prefixes))
            name = prefix.replace("{code}", self._codes.new(name, "MD", rng)) + name
        if rng.random() < site.typo:
            name = self._noise.misspell(name, rng)
        return self._noise.cut(name, length) if must_fit else name

    def _suffix(self, modality: str) -> str:
        own = self._site.modality_suffixes.get(modality)
        if own and self._rng.random() < self._site.modality_suffix_share:
            return self._rng.choice(list(own))
        if self._rng.random() < self._site.suffix_share:
            return self._rng.choice(list(self._site.suffixes))
        return ""

    def _modality_code(self, modality: str, *, states_modality: bool) -> str:
        if states_modality and self._rng.random() < self._site.blank_code:
            return ""
        if states_modality and self._rng.random() < self._site.wrong_code:
            return pick(self._rng, self._site.modality_codes["OT"])
        return pick(self._rng, self._site.modality_codes[modality])

    def _is_clear(self, phrases: Phrases, case: Case) -> bool:
        modalities = [case.modality]
        if not phrases.states_modality:
            modalities = list(self._catalogue.usage.code_modalities[case.code])
        meanings = self._catalogue.meanings
        return (
            meanings.determines(phrases.meaning, modalities, phrases.row)
            and not self._readings.another_row(phrases, modalities, meanings)
            and self._names.admits(case)
        )

    def _is_new(self, case: Case) -> bool:
        key = (case.name.casefold(), case.modality)
        if self._seen[key] and self._rng.random() > REPEAT_SHARE:
            return False
        self._seen[key] += 1
        return True

    def _unanswerable(self, n_cases: int) -> list[Case]:
        lines = self._catalogue.unanswerable
        kinds = {kind: share for kind, share in lines.share.items() if kind != "total"}
        cases: list[Case] = []
        for _ in range(n_cases * N_DRAWS_PER_CASE):
            if len(cases) == n_cases:
                break
            kind = pick(self._rng, kinds)
            case = self._no_side() if kind == "no_side" else self._draw_line(kind)
            if case is not None and self._names.admits(case) and self._is_new(case):
                cases.append(case)
        return cases

    def _draw_line(self, kind: str) -> Case:
        line = self._catalogue.unanswerable.draw(kind, self._site, self._rng)
        code = pick(self._rng, self._site.modality_codes[line.modality]) if line.modality else ""
        return Case(line.name, code, line.modality, None)

    def _no_side(self) -> Case | None:
        row = self._catalogue.unanswerable.draw_sided_row(self._rng)
        phrases = self._phraser.phrase(row, self._rng)
        if not phrases.states_modality or phrases.contrast:
            return None
        phrases.side = ""
        name = write_out(order_pieces(phrases, self._site, self._rng), self._site, self._rng)
        code = self._modality_code(row.slots.modality, states_modality=False)
        return Case(name, code, row.slots.modality, None) if len(name) <= MAX_LENGTH else None

    def _record(self, case: Case) -> dict[str, str | None]:
        return {
            "DATA_SOURCE": self._site.source,
            "MODALITY_CODE": case.code,
            "EXAM_CODE": self._codes.new(case.name, case.modality, self._rng),
            "EXAM_NAME": case.name,
            "EXPECTED_NAME": case.gold,
        }
