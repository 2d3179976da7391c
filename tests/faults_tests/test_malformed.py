"""Every reader under malformed files; ``make test-faults`` sends ten times as many."""

from __future__ import annotations

from tests.faults_tests.malformed import TIME_LIMIT_S, report, run

N_INPUTS = 1000
N_READERS = 19


def test_malformed_files_load_or_are_refused_in_one_line() -> None:
    outcome = run(N_INPUTS, 42)
    assert not outcome.failures, "\n\n".join(
        f"{reader}: {what}\n{content[:300]!r}" for reader, what, content in outcome.failures[:5]
    )
    assert len(outcome.counts) == N_READERS, report(outcome)
    for name, counts in outcome.counts.items():
        assert counts["loaded"], name
        # what is wrong inside a bank is built anew, whatever it is
        assert counts["refused"] or name.startswith("bank"), name
    assert sum(counts.total() for counts in outcome.counts.values()) >= N_INPUTS
    assert outcome.slowest_s < TIME_LIMIT_S
