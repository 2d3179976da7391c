from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.schedule import Schedule


def test_the_given_trials_come_first_and_alone() -> None:
    for batch_size in (None, 4):
        schedule = Schedule(n_given=3, batch_size=batch_size)
        assert schedule.next_block(0, 0, n_wanted=1, budget=20) == range(3)
        for n_done in range(3):
            assert not schedule.next_block(3, n_done, n_wanted=5, budget=20)
        assert schedule.next_block(3, 3, n_wanted=1, budget=20) == range(3, 4)


def test_given_trials_beyond_the_budget_are_left_out() -> None:
    assert Schedule(n_given=5).next_block(0, 0, 1, budget=3) == range(3)
    assert not Schedule(n_given=5).next_block(3, 3, 1, budget=3)
    assert Schedule(n_given=5).next_block(3, 3, 1, budget=9) == range(3, 5)
    # the budget was raised while trial 0 runs: nothing can be compared with it yet
    assert not Schedule(n_given=5).next_block(1, 0, 1, budget=9)


@pytest.mark.parametrize(
    ("first", "n_done", "block"),
    [
        (1, 1, range(1, 3)),  # a quarter of a batch, that others find work, too
        (3, 1, range(3, 5)),
        (7, 3, range(7, 9)),  # a batch ends at trial 8
        (9, 8, range(9, 9)),  # the next one waits for the last trial of this one
        (9, 9, range(9, 11)),
        (17, 17, range(17, 18)),  # the budget ends
    ],
)
def test_a_batch_is_handed_out_in_quarters_and_waits_for_the_one_before(
    first: int, n_done: int, block: range
) -> None:
    schedule = Schedule(n_given=1, batch_size=8)
    assert schedule.next_block(first, n_done, n_wanted=100, budget=18) == block


def test_a_small_batch_is_handed_out_one_by_one() -> None:
    for batch_size in (1, 2, 3, 7):
        schedule = Schedule(n_given=1, batch_size=batch_size)
        assert schedule.next_block(1, 1, n_wanted=100, budget=50) == range(1, 2)


def test_no_more_is_handed_out_than_wanted_and_left() -> None:
    schedule = Schedule(n_given=1)
    assert schedule.next_block(1, 1, n_wanted=7, budget=100) == range(1, 8)
    assert schedule.next_block(95, 1, n_wanted=7, budget=100) == range(95, 100)
    assert not schedule.next_block(100, 1, n_wanted=7, budget=100)
    assert not schedule.next_block(120, 1, n_wanted=7, budget=100)
    assert not schedule.next_block(1, 1, n_wanted=0, budget=100)


def test_a_grid_limits_a_study_to_its_points() -> None:
    schedule = Schedule(n_given=2, n_places=10)
    assert (schedule.limit(500), schedule.limit(12), schedule.limit(5)) == (12, 12, 5)
    assert schedule.next_block(10, 10, n_wanted=100, budget=500) == range(10, 12)
    assert not schedule.next_block(12, 10, n_wanted=100, budget=500)


def test_no_trial_runs_beside_another_where_each_is_judged_by_all_before_it() -> None:
    schedule = Schedule(n_given=1, is_sequential=True)
    assert schedule.next_block(1, 1, n_wanted=5, budget=20) == range(1, 6)
    for n_done in range(1, 6):
        assert not schedule.next_block(6, n_done, n_wanted=5, budget=20)
    assert schedule.next_block(6, 6, n_wanted=5, budget=20) == range(6, 11)


def test_a_trial_of_a_batch_has_the_lane_of_its_place_and_otherwise_that_of_its_worker() -> None:
    batches = Schedule(n_given=2, batch_size=3)
    assert [batches.lane(number, 7) for number in range(8)] == [0, 0, 0, 1, 2, 0, 1, 2]
    assert [Schedule(n_given=2).lane(number, 7) for number in range(3)] == [7, 7, 7]


SCHEDULES = st.builds(
    Schedule,
    st.integers(1, 5),
    st.none() | st.integers(0, 30),
    st.none() | st.integers(1, 12),
    st.booleans(),
)


@given(SCHEDULES, st.integers(1, 40), st.data())
def test_whatever_comes_back_when_every_number_is_handed_out_once_and_in_its_time(
    schedule: Schedule, budget: int, data: st.DataObject
) -> None:
    """Blocks come back in any order; trials are done when all before them have come back."""
    limit = schedule.limit(budget)
    out: list[range] = []
    back: set[int] = set()
    first = n_done = 0
    while n_done < limit:
        block = schedule.next_block(first, n_done, data.draw(st.integers(1, 9)), budget)
        assert block or out, "there is nothing to do and nothing to wait for"
        if block:
            assert block.start == first
            assert block.stop <= limit
            if block.stop > schedule.n_given:
                assert n_done >= schedule.n_given
            for number in block if schedule.batch_size else ():
                assert n_done >= schedule.batch_begin(number) or number < schedule.n_given
            if schedule.is_sequential:
                assert n_done == first or first < schedule.n_given
            first = block.stop
            out.append(block)
        if out and (not block or data.draw(st.booleans())):
            back |= set(out.pop(data.draw(st.integers(0, len(out) - 1))))
            while n_done in back:
                n_done += 1
    assert first == n_done == limit
    assert not schedule.next_block(first, n_done, 9, budget)


@given(SCHEDULES, st.integers(0, 100))
def test_a_trial_knows_no_trial_of_its_own_batch(schedule: Schedule, number: int) -> None:
    begin = schedule.batch_begin(number)
    assert begin <= number
    if schedule.batch_size is None or number < schedule.n_given:
        assert begin == number
    else:
        assert begin >= schedule.n_given
        assert (begin - schedule.n_given) % schedule.batch_size == 0
        assert number - begin < schedule.batch_size
