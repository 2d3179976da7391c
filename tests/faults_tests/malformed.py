"""Send malformed files through every reader, in one process, and count what became of them.

``python -m tests.faults_tests.malformed [N_INPUTS] [SEED]``; ``make test-faults`` runs it, and
the counts of 10,000 inputs or more go into ``docs/reliability.md``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks.page import write_section
from support.errors import RadTuneError
from tests.conftest import ROOT
from tests.faults_tests.mutations import NO_FILES, broken
from tests.faults_tests.readers import all_readers, remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults_tests.mutations import Content
    from tests.faults_tests.readers import Reader

PAGE = ROOT / "docs" / "reliability.md"
N_FOR_THE_PAGE = 10_000
TIME_LIMIT_S = 10
MEMORY_LIMIT = 1 << 30  # bytes above what the process had
_LOADED, _REFUSED = "loaded", "refused"


class Failure(NamedTuple):
    """An input that did something else than load or be refused in one line."""

    reader: str
    what: str
    content: Content


class Outcome(NamedTuple):
    """What became of the inputs.

    Attributes
    ----------
    counts : dict
        Reader to how many inputs were loaded and refused.
    failures : list of Failure
    slowest_s : float
    """

    counts: dict[str, Counter[str]]
    failures: list[Failure]
    slowest_s: float


class TooSlowError(BaseException):
    """An input took longer than its time; no reader may catch it."""


def run(n_inputs: int, random_seed: int) -> Outcome:
    """Send `n_inputs` files through the readers, each its share; half of them made."""
    outcome = Outcome({}, [], 0.0)
    with tempfile.TemporaryDirectory() as name, _at_home(Path(name).resolve()), _limited():
        readers = all_readers(Path(name).resolve())
        n_shares = sum(reader.share for reader in readers)
        slowest = 0.0
        for reader in readers:
            n = -(-n_inputs * reader.share // n_shares)
            trier = _Trier(reader, outcome)
            _send(trier, n, Random(f"{random_seed} {reader.name}"))  # noqa: S311
            slowest = max(slowest, trier.slowest_s)
    return outcome._replace(slowest_s=slowest)


def _send(trier: _Trier, n_inputs: int, rng: Random) -> None:
    for place in NO_FILES:
        trier.try_place(place)
    trier.try_content(trier.reader.seeds[0])
    n_left = n_inputs - trier.n_tried
    n_made = n_left // 2
    for _ in range(n_left - n_made):
        trier.try_content(broken(rng.choice(trier.reader.seeds), rng))
    if n_made < 1:
        return

    @seed(rng.randrange(1 << 32))
    @settings(
        max_examples=n_made,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=trier.reader.made)
    def each(content: Content) -> None:
        trier.try_content(content)

    each()
    for _ in range(n_inputs - trier.n_tried):  # Hypothesis repeats none: it may have had no more
        trier.try_content(broken(rng.choice(trier.reader.seeds), rng))


class _Trier:
    """Tries inputs on one reader."""

    def __init__(self, reader: Reader, outcome: Outcome) -> None:
        self.reader = reader
        self.counts = outcome.counts.setdefault(reader.name, Counter())
        self.slowest_s = 0.0
        self._failures = outcome.failures

    @property
    def n_tried(self) -> int:
        return self.counts.total()

    def try_content(self, content: Content) -> None:
        self.try_place(lambda path: _write(path, content), content)

    def try_place(self, place: Callable[[Path], object], content: Content = b"") -> None:
        self.reader.before()
        remove(self.reader.path)
        self.reader.path.parent.mkdir(exist_ok=True)
        place(self.reader.path)
        started = time.monotonic()
        what = self._read()
        self.slowest_s = max(self.slowest_s, time.monotonic() - started)
        if what in (_LOADED, _REFUSED):
            self.counts[what] += 1
        else:
            self.counts["failed"] += 1
            self._failures.append(Failure(self.reader.name, what, content or repr(place).encode()))

    def _read(self) -> str:
        signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT_S)
        try:
            self.reader.read()
        except RadTuneError as error:
            with contextlib.suppress(TooSlowError):
                signal.setitimer(signal.ITIMER_REAL, 0)
            return self._refused(error)
        except (Exception, TooSlowError):  # noqa: BLE001 - whatever it is, it is reported
            return traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return _LOADED

    def _refused(self, error: RadTuneError) -> str:
        line = str(error)
        if not line.isprintable() or len(line) > 2500:
            return f"no line that can be printed: {line!r:.300}"
        # A cache is named by its folder: what was in it cannot be mended by a person.
        called = (self.reader.path.stem, "cache", "study 's'", "session 1")
        if not any(name in line for name in called):
            return f"does not name the file: {line:.300}"
        try:
            self.reader.refused(error)
        except AssertionError:
            return traceback.format_exc()
        return _REFUSED


def _write(path: Path, content: Content) -> None:
    path.write_bytes(content)


@contextlib.contextmanager
def _at_home(folder: Path) -> Iterator[None]:
    """Work in a folder with a cache of its own, warnings as errors."""
    before = os.environ.get("RADTUNE_CACHE")
    os.environ["RADTUNE_CACHE"] = str(folder / "cache")
    try:
        with contextlib.chdir(folder), warnings.catch_warnings():
            yield
    finally:
        os.environ.pop("RADTUNE_CACHE")
        if before is not None:
            os.environ["RADTUNE_CACHE"] = before


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Limit the memory of the process, and let an alarm end what takes too long."""

    def too_slow(_signal: int, _frame: object) -> None:
        raise TooSlowError(f"longer than {TIME_LIMIT_S} s")

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    allowed = pages * resource.getpagesize() + MEMORY_LIMIT
    handler = signal.signal(signal.SIGALRM, too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, handler)


def report(outcome: Outcome) -> str:
    """Write the counts as a table."""
    lines = [f"{'reader':28}{'loaded':>8}{'refused':>9}{'failed':>8}"]
    total: Counter[str] = Counter()
    for name, counts in outcome.counts.items():
        total += counts
        lines.append(_line(name, counts))
    return "\n".join([*lines, _line("all", total)])


def _line(name: str, counts: Counter[str]) -> str:
    return f"{name:28}{counts[_LOADED]:>8,}{counts[_REFUSED]:>9,}{counts['failed']:>8,}"


def main() -> int:
    """Run as the module says; the exit code is not 0 when an input failed."""
    n_inputs, random_seed = (int(given) for given in [*sys.argv[1:], "10000", "42"][:2])
    if len(sys.argv) == 2:
        random_seed = 42
    started = time.monotonic()
    outcome = run(n_inputs, random_seed)
    elapsed = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    for failure in outcome.failures[:20]:
        sys.stdout.write(f"FAILED {failure.reader}: {failure.what}\n{failure.content[:300]!r}\n")
    text = (
        f"{report(outcome)}\n{elapsed:.0f} s in one process, the slowest input "
        f"{outcome.slowest_s:.1f} s; at most {peak} MB; seed {random_seed}"
    )
    sys.stdout.write(text + "\n")
    if not outcome.failures and n_inputs >= N_FOR_THE_PAGE:
        write_section("malformed", f"```text\n{text}\n```", PAGE)
    return bool(outcome.failures)


if __name__ == "__main__":
    sys.exit(main())
