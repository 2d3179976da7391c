from __future__ import annotations

import numpy as np

from objectives.cases.cases import Case
from objectives.cases.usage import Usage, count_usage
from tests.engine_tests.conftest import make_rows

ROWS = make_rows(("CT Head|N", "CT Abdomen|N", "XR Chest|N"))


def case(site: str, gold: str | None) -> Case:
    return Case(site, "", "", "name", gold, has_gold=True)


def usage_of(cases: list[Case]) -> Usage:
    return Usage(len(ROWS), count_usage(ROWS, cases, ["A", "B"]))


CASES = [
    *[case("A", "CT Head")] * 3,
    *[case("B", "CT Abdomen")] * 2,
    *[case("HELD OUT", "XR Chest")] * 50,
    case("A", None),
]


def test_a_site_never_meets_its_own_counts() -> None:
    usage = usage_of(CASES)
    assert usage.seen_from("A").tolist() == [0.0, 1.0, 0.0]
    assert usage.seen_from("B").tolist() == [1.0, 0.0, 0.0]


def test_held_out_sites_teach_nothing_and_see_all_tuning_sites() -> None:
    usage = usage_of(CASES)
    seen = usage.seen_from("HELD OUT")
    assert seen[2] == 0.0
    assert seen[0] == 1.0
    assert 0 < seen[1] < 1
    assert np.array_equal(seen, usage.everywhere)


def test_without_cases_every_row_is_as_common() -> None:
    assert not usage_of([]).everywhere.any()
