"""What long runs print where stderr is no terminal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from scripts.shared.progress import TrialProgress


def test_a_study_prints_a_line_every_tenth_and_every_half_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("scripts.shared.progress.time", SimpleNamespace(monotonic=lambda: now))
    progress = TrialProgress(None)
    seconds_per_trial = [1.0] * 20 + [10.0] * 10
    for n_done, seconds in enumerate(seconds_per_trial, start=1):
        now += seconds
        progress.trial(n_done, 100, 0.5)
    lines = capsys.readouterr().err.splitlines()
    told = [int(line.split()[1].split("/")[0]) for line in lines]
    assert told == [10, 20, 23, 26, 29, 30]
    assert lines[0] == "trial 10/100  best value 0.5000"
