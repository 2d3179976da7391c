"""What a name denies, doubts or leaves open is never accepted; what it merely mentions is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from engine.catalogue.index import CatalogueIndex
from engine.lookup import LookupEngine
from engine.vocabulary.lexicon import lexicon
from exchange.catalogues.nhs_json import load_catalogue
from tests.conftest import ROOT

if TYPE_CHECKING:
    from objectives.configuration import Configuration

N_NAMES = 300
LEAST_ACCEPTED = 0.90
SLOTS = ("intervention", "laterality", "contrast", "anatomy", "technique", "context")
FINDINGS = ("fracture", "pneumonia", "mets", "FB", "abscess", "stone", "PE", "collection")
DENIALS = ("{name} NO {word}", "{name} WITHOUT {word}", "{name} NOT {word}")
DOUBTS = (
    "{name} ? {word}",
    "{name} POSSIBLE {word}",
    "{name} {word} IF NEEDED",
    "{name} +/- {word}",
)


class World:
    """The shipped catalogue, and the words that state things in it."""

    def __init__(self, config: Configuration) -> None:
        self.index = CatalogueIndex(
            load_catalogue(ROOT / "data/reference/NHS.json"), config.retrieval
        )
        self.engine = LookupEngine(self.index, config.judgement, config.retriever_top_k)
        self.names = [row.preferred_name for row in self.index.rows]
        self.words = {
            (slot, sense.value): sense.text
            for (slot, _), sense in lexicon().senses.items()
            if slot in SLOTS and sense.text and self.index.stating(slot, sense.value).any()
        }
        self.rng = random.Random(17)  # noqa: S311 - which names are tried

    def accepted_own_names(self, n_names: int) -> list[str]:
        """Return names of rows that are accepted as those rows."""
        tried = self.rng.sample(self.names, 2 * n_names)
        answers = self.engine.lookup_many([(name, "") for name in tried])
        return [
            name
            for name, answer in zip(tried, answers, strict=True)
            if answer.status == "MATCH" and answer.row and answer.row.preferred_name == name
        ][:n_names]


@pytest.fixture(scope="module")
def world(config: Configuration) -> World:
    return World(config)


def test_a_denial_or_an_indication_of_something_else_costs_little(world: World) -> None:
    names = world.accepted_own_names(N_NAMES)
    assert len(names) == N_NAMES
    rows = {row.preferred_name: number for number, row in enumerate(world.index.rows)}
    questions = []
    for number, name in enumerate(names):
        if number % 2:
            questions.append(f"{name} ?{world.rng.choice(FINDINGS)}")
            continue
        lacking = [
            word
            for (slot, value), word in world.words.items()
            if slot in ("intervention", "technique", "context")
            and not world.index.stating(slot, value)[rows[name]]
            and word.lower() not in name.lower()
        ]
        questions.append(f"{name} NO {world.rng.choice(lacking)}")
    answers = world.engine.lookup_many([(question, "") for question in questions])
    kept = [
        answer.status == "MATCH" and answer.row is not None and answer.row.preferred_name == name
        for name, answer in zip(names, answers, strict=True)
    ]
    missed = [question for question, is_kept in zip(questions, kept, strict=True) if not is_kept]
    assert sum(kept) >= LEAST_ACCEPTED * N_NAMES, missed[:20]


@pytest.mark.parametrize("template", [*DENIALS, *DOUBTS])
def test_what_is_denied_or_doubted_is_never_accepted(template: str, world: World) -> None:
    plain = [name for name in world.names if len(name.split()) <= 3]
    tried = [
        (template.format(name=world.rng.choice(plain), word=word), slot, value)
        for (slot, value), word in world.words.items()
    ]
    answers = world.engine.lookup_many([(question, "") for question, _, _ in tried])
    wrong = [
        (question, answer.row.preferred_name)
        for (question, slot, value), answer in zip(tried, answers, strict=True)
        if answer.status == "MATCH"
        and answer.row is not None
        and world.index.stating(slot, value)[world.index.rows.index(answer.row)]
    ]
    assert not wrong, (len(wrong), len(tried), wrong[:30])
