"""Cases in shards that stay with compute workers; a question to all of them takes one round."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from objectives.bank.trial_bank import ShardSummary
from objectives.shards.assignment import assign
from objectives.shards.case_counts import ShardedCounts
from objectives.shards.cutting import Shard, cases_per_shard, cut
from objectives.shards.shard_worker import ShardSource, answer_shards, build_shard
from support.compute.crew import N_LOSSES, Done, Lost
from support.compute.executor import raise_for_killer
from support.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from objectives.bank.feature_bank import BankRecipe
    from objectives.bank.trial_bank import Part, TrialBank
    from objectives.shards.case_counts import SpreadCases
    from objectives.shards.questions import AnswerT, Question
    from objectives.shards.shard_worker import ShardAnswers
    from support.compute.crew import DaskCrew, Shift

_N_BUILDS = 2  # of a worker at a time: one that runs, one that waits


def spread_over(crew: DaskCrew, recipe: BankRecipe, size: int | None = None) -> SpreadCases:
    """Return what lays out cases on compute workers.

    Parameters
    ----------
    crew : DaskCrew
    recipe : BankRecipe
        Of the bank that the cases are in.
    size : int, optional
        Cases of a shard. When not given, at most 64 MB of facts and at least four shards for
        each worker.
    """

    def spread(parts: Sequence[Part], n_groups: int, n_segments: int) -> ShardedCounts:
        n_cases, n_workers = sum(len(part.groups) for part in parts), len(crew.wait_for_worker())
        shards = {
            shard.key(recipe, n_groups, n_segments): shard
            for shard in cut(parts, size or cases_per_shard(n_cases, recipe.top_k, n_workers))
        }
        resident = ResidentShards(crew, shards, (n_groups, n_segments))
        return ShardedCounts(resident.ask, list(resident.ask(_Summary())))

    return spread


class _Summary(NamedTuple):
    """What is known of a shard before any weights."""

    def answer(self, shard: TrialBank) -> ShardSummary:
        """Return it."""
        return shard.summary

    def merge(self, answers: Iterable[ShardSummary]) -> ShardSummary:
        """Add up."""
        return ShardSummary(*(np.sum(column, axis=0) for column in zip(*answers, strict=True)))


class ResidentShards:
    """The shards of a study, and which worker has which.

    Parameters
    ----------
    crew : DaskCrew
    shards : mapping
        By key.
    layout : tuple
        Groups and segments.
    """

    def __init__(
        self,
        crew: DaskCrew,
        shards: Mapping[str, Shard],
        layout: tuple[int, int],
    ) -> None:
        self._crew = crew
        self._layout = layout
        self._owners: dict[str, str] = {}
        self.shards = shards
        self.set_key = hash_of(list(shards))[:32]
        self.n_losses: Counter[str] = Counter()

    def ask(self, question: Question[AnswerT], /) -> Iterator[AnswerT]:
        """Yield the answer of every shard, in any order."""
        with self._crew.open_shift() as shift:
            a_round = _Round(self, shift, question)
            while a_round.send():
                yield from a_round.wait()

    def owners(self) -> Mapping[str, str]:
        """Return which worker has which shard, shared out among those that are there."""
        workers = self._crew.wait_for_worker()
        if set(workers) != set(self._owners.values()):
            self._owners = assign(list(self.shards), workers, self._owners)
        return self._owners

    def source(self, shard: str) -> ShardSource:
        """Return what a worker needs to lay out a shard: facts, not what they were found from."""
        parts = [
            part._replace(labelled=part.labelled.without_names())
            for part in self.shards[shard].parts
        ]
        return ShardSource(parts, *self._layout)


class _Sent(NamedTuple):
    """A task under way: which worker's, and about which shards."""

    worker: str
    shards: Sequence[str]
    is_build: bool = False
    is_alone: bool = False


class _Round:
    """A question on its way through all shards.

    Each worker is asked about its shards in one task. Those that it lacks it lays out, one task
    each, and answers.
    """

    def __init__(self, resident: ResidentShards, shift: Shift, question: Question[Any]) -> None:
        self._resident = resident
        self._shift = shift
        self._question = question
        self._waiting = dict.fromkeys(resident.shards)
        self._lacking: set[tuple[str, str]] = set()  # worker and shard
        self._sent: dict[int, _Sent] = {}

    def send(self) -> bool:
        """Give the workers what they can take; tell whether the round goes on."""
        suspects = [one for one in self._waiting if self._resident.n_losses[one] >= N_LOSSES]
        if any(sent.is_alone for sent in self._sent.values()):
            return True
        if suspects:
            if not self._sent:
                shard = suspects[0]
                self._send(self._resident.owners()[shard], [shard], is_alone=True)
        elif self._waiting:
            by_worker: dict[str, list[str]] = {}
            owners = self._resident.owners()
            for shard in self._waiting:
                by_worker.setdefault(owners[shard], []).append(shard)
            for worker, shards in by_worker.items():
                self._send_to(worker, shards)
        return bool(self._sent)

    def _send_to(self, worker: str, shards: Sequence[str]) -> None:
        hopeful = [shard for shard in shards if (worker, shard) not in self._lacking]
        if hopeful:
            self._send(worker, hopeful)
        n_builds = sum(sent.is_build and sent.worker == worker for sent in self._sent.values())
        lacking = [shard for shard in shards if (worker, shard) in self._lacking]
        for shard in lacking[: _N_BUILDS - n_builds]:
            self._send(worker, [shard])

    def _send(self, worker: str, shards: Sequence[str], *, is_alone: bool = False) -> None:
        """Ask a worker about shards, or have it lay out the one that it lacks."""
        resident, is_build = self._resident, (worker, shards[0]) in self._lacking
        for shard in shards:
            del self._waiting[shard]
        if is_build:
            (shard,) = shards
            task = self._shift.send(
                worker,
                build_shard,
                resident.set_key,
                shard,
                resident.source(shard),
                self._question,
            )
        else:
            task = self._shift.send(
                worker, answer_shards, resident.set_key, shards, self._question
            )
        self._sent[task] = _Sent(worker, shards, is_build, is_alone)

    def wait(self) -> Iterator[Any]:
        """Yield the answers that the next task brings, if any."""
        event = self._shift.next_event()
        if not isinstance(event, Done | Lost):
            return
        sent = self._sent.pop(event.task)
        if isinstance(event, Lost):
            self._lose(sent, is_suspect=event.is_suspect)
        else:
            found: ShardAnswers = event.value
            self._waiting |= dict.fromkeys(found.missing)
            self._lacking |= {(sent.worker, shard) for shard in found.missing}
            for shard in found.answers:
                del self._resident.n_losses[shard]
            yield from found.answers.values()

    def _lose(self, sent: _Sent, *, is_suspect: bool) -> None:
        resident = self._resident
        self._lacking = {pair for pair in self._lacking if pair[0] != sent.worker}
        self._waiting |= dict.fromkeys(sent.shards)
        if not is_suspect:
            return
        if sent.is_alone:
            raise_for_killer(resident.shards[sent.shards[0]].name)
        resident.n_losses.update(sent.shards)
