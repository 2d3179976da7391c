"""Two processes that begin one study at once: the first one wins, the other hears what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import pytest

from engine.errors import StudyError
from studies.attributes import set_first
from studies.identity import DataHashes, Identity, claim

if TYPE_CHECKING:
    from tests.studies_tests.conftest import NewDatabase, OpenStorage

ONE = Identity(
    DataHashes("c", "s", "t", "u", {"a.json": "1", "b.json": "2"}), "e", "k", "tpe", "none", 1, 8
)
OTHER = ONE._replace(
    data=ONE.data._replace(cases={"a.json": "1", "b.json": "3"}), seed=2, batch=None
)


def test_the_first_of_two_who_set_an_attribute_wins(
    new_database: NewDatabase, opened: OpenStorage
) -> None:
    url = new_database()
    one, other = opened(url), opened(url)
    study = optuna.create_study(storage=one, study_name="study")
    set_first(one, "study", "key", {"n": 1})
    set_first(other, "study", "key", {"n": 2})
    set_first(other, "study", "another", [2.5, None])
    assert study.user_attrs == {"key": {"n": 1}, "another": [2.5, None]}


def test_of_two_claims_at_once_the_first_wins_and_the_other_hears_what_differs(
    new_database: NewDatabase, opened: OpenStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen that the study belongs to nobody yet."""
    url = new_database()
    one, other = opened(url), opened(url)
    study = optuna.create_study(storage=one, study_name="study")
    late = optuna.load_study(study_name="study", storage=other)
    set_late = set_first

    def first_the_other(*arguments: object) -> None:
        monkeypatch.setattr("studies.identity.set_first", set_late)
        claim(one, study, ONE)
        set_late(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("studies.identity.set_first", first_the_other)
    with pytest.raises(StudyError, match=r"^study 'study' cannot go on") as refused:
        claim(other, late, OTHER)
    for said in ("(b.json)", "the seed was 1, now 2", "the size of its batches was 8, now none"):
        assert said in str(refused.value)
    claim(one, study, ONE)
    claim(other, late, ONE)
