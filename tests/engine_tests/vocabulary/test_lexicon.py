from __future__ import annotations

from copy import deepcopy

import pytest

from engine.reading.parse import parse
from engine.vocabulary import lexicon as module
from engine.vocabulary.anatomy import hierarchy
from engine.vocabulary.lexicon import Lexicon, Sense, lexicon
from support.errors import ConfigurationError


@pytest.mark.parametrize(
    ("phrase", "slot", "value"),
    [
        ("esophagus", "anatomy", "oesophagus"),
        ("kidneys", "anatomy", "kidney"),
        ("artery iliac", "anatomy", "iliac artery"),
        ("int carotid artery", "anatomy", "internal carotid artery"),
        ("embolization", "intervention", "embolisation"),
        ("bx", "intervention", "biopsy"),
    ],
)
def test_spellings_that_no_file_writes_out(phrase: str, slot: str, value: str) -> None:
    meaning = lexicon().meaning(phrase.split())
    assert isinstance(meaning, tuple)
    sense = meaning[0]
    assert isinstance(sense, Sense)
    assert (sense.slot, sense.value) == (slot, value)


def test_a_phrase_with_two_meanings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read_table = module.read_table

    def with_clash(name: str) -> module.Table:
        table = deepcopy(read_table(name))  # the lexicon in use shares it
        if name == "context":
            table["term"]["kidney"] = {}
        return table

    monkeypatch.setattr(module, "read_table", with_clash)
    with pytest.raises(ConfigurationError, match=r"'kidney' means .* ambiguous\.toml"):
        Lexicon()


def test_a_rule_must_name_a_meaning_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    read_table = module.read_table

    def with_unknown(name: str) -> module.Table:
        table = deepcopy(read_table(name))  # the lexicon in use shares it
        if name == "ambiguous":
            table["term"]["zork"] = [{"reads": "anatomy:zork"}]
        return table

    monkeypatch.setattr(module, "read_table", with_unknown)
    with pytest.raises(ConfigurationError, match="there is no 'anatomy:zork'"):
        Lexicon()


def test_every_anatomy_term_is_read_as_itself() -> None:
    lost = [term for term in hierarchy().above if term not in parse(term).anatomy]
    assert lost == []


def test_every_phrase_has_a_spelling_that_settles() -> None:
    unstable = [
        phrase
        for phrase in lexicon().phrases()
        if parse(parse(phrase).canonical).canonical != parse(phrase).canonical
    ]
    assert unstable == []


def test_a_variant_says_the_same_and_implies_more() -> None:
    plain, root = lexicon().meaning(["nerve", "block"]), lexicon().meaning(["nrb"])
    assert isinstance(plain, tuple)
    assert isinstance(root, tuple)
    block, root_block = plain[0], root[0]
    assert isinstance(block, Sense)
    assert isinstance(root_block, Sense)
    assert block.value == root_block.value == "nerve block"
    assert ("anatomy", "nerve root") in root_block.implied
