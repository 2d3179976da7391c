"""A study belongs to the data and settings that it began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import pytest

from studies.definition.identity import DataHashes, Identity, claim
from support.errors import StudyError

if TYPE_CHECKING:
    from tests.studies_tests.conftest import NewDatabase, OpenStorage

ONE = Identity(
    DataHashes("c", "s", "t", "u", {"a.json": "1", "b.json": "2"}), "e", "k", "tpe", "none", 1
)
OTHER = ONE._replace(data=ONE.data._replace(cases={"a.json": "1", "b.json": "3"}), seed=2)


def test_the_first_claim_wins_and_another_hears_what_differs(
    new_database: NewDatabase, opened: OpenStorage
) -> None:
    url = new_database()
    study = optuna.create_study(storage=opened(url), study_name="study")
    late = optuna.load_study(study_name="study", storage=opened(url))
    claim(study, ONE)
    with pytest.raises(StudyError, match=r"^study 'study' cannot go on") as refused:
        claim(late, OTHER)
    for said in ("(b.json)", "the seed was 1, now 2"):
        assert said in str(refused.value)
    claim(late, ONE)


def test_trials_of_another_program_are_not_claimed(
    new_database: NewDatabase, opened: OpenStorage
) -> None:
    study = optuna.create_study(storage=opened(new_database()), study_name="study")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(StudyError, match="'study' was not made by this program"):
        claim(study, ONE)
