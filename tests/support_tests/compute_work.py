"""What tests have compute workers do: other processes import it from here."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from objectives.bank.trial_bank import Tally, TrialBank
from objectives.shards.questions import TrialQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator


class Loaded:
    """A value that knows how often its process received it."""

    n_received = 0

    def __getstate__(self) -> dict[str, str]:
        return {"kept": "x" * 1000}

    def __setstate__(self, state: dict[str, str]) -> None:
        Loaded.n_received += 1


class Part(NamedTuple):
    number: int

    def __str__(self) -> str:
        return f"part {self.number}"


def parts(n: int) -> Iterator[Part]:
    return map(Part, range(n))


def nothing(_line: str) -> None:
    """Say it to nobody."""


def double(shared: int, part: Part) -> int:
    return 2 * part.number + shared


def who_received(_: Loaded, part: Part) -> tuple[int, int]:
    return os.getpid(), Loaded.n_received


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(folder: str, part: Part) -> int:
    """Kill the process that is the first to run part 3."""
    if part.number == 3 and first_time(folder):
        die()
    return part.number


def die_always(_: str, part: Part) -> int:
    if part.number == 3:
        die()
    return part.number


def fail(_: str, part: Part) -> int:
    raise ZeroDivisionError(f"in {part}")


def pid(_: Any, part: Part) -> int:
    return os.getpid()


def first_time(folder: str) -> bool:
    try:
        (Path(folder) / "flag").open("x").close()
    except FileExistsError:
        return False
    return True


class DyingQuestion(NamedTuple):
    """A trial during which one worker dies, once."""

    trial: TrialQuestion
    folder: str

    def answer(self, shard: TrialBank) -> Tally:
        if first_time(self.folder):
            die()
        return self.trial.answer(shard)

    def merge(self, answers: Any) -> Tally:
        return self.trial.merge(answers)


class KillingQuestion(NamedTuple):
    """A question that no worker survives for the shard with the first case."""

    n_cases: int

    def answer(self, shard: TrialBank) -> int:
        if shard.summary.n_cases.sum() == self.n_cases:
            die()
        return 0

    def merge(self, answers: Any) -> int:
        return sum(answers)
