from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.catalogue.row_slots import row_slots
from exchange.catalogues.nhs_json import load_catalogue
from objectives.bank.labelled_bank import label_candidates
from objectives.cases.critical_errors import RowTruth
from objectives.configuration import resolve

if TYPE_CHECKING:
    from objectives.configuration import Configuration
    from tests.conftest import MakeBank


def test_rows_of_one_concept_and_side_are_one_gold_row(
    config: Configuration, make_bank: MakeBank
) -> None:
    rows = load_catalogue(resolve(config.data.catalogue))[:40]
    twin = rows[3]._replace(preferred_name="Another name")
    rows = (*rows[:39], twin)
    made = make_bank(4, ("S",))
    names = (rows[3].preferred_name, twin.preferred_name, rows[5].preferred_name, None)
    cases = [case._replace(gold=name) for case, name in zip(made.cases, names, strict=True)]
    made.bank.rows[:2, 0] = 39, 3
    truth = RowTruth(rows, [row_slots(row) for row in rows], config.data.slots)
    labels = label_candidates(cases, made.bank, rows, truth).labels
    assert labels.gold[0] == labels.gold[1] != labels.gold[2]
    assert labels.gold[3] == -1
    assert np.array_equal(labels.answerable, [True, True, True, False])
    assert labels.is_gold[:2, 0].all()
