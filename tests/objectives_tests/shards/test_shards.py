"""Whatever is computed of cases in shards, in any order, equals one process bit for bit."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from engine.ranking.coefficients import effective_coefficients
from exchange.lists.name_files import NameRecord
from exchange.maps.mapping import answer_records
from objectives.bank.feature_bank import FeatureBank
from objectives.bank.scoring import find_winners
from objectives.bank.trial_bank import Part, ShardSummary, TrialBank
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.decisions.case_results import join_answers, judge
from objectives.lines.line import coordinate_directions, line_through
from objectives.objective import Rung, WeightObjective
from objectives.search_space import SearchSpace
from objectives.shards.case_counts import LocalCounts, ShardedCounts
from objectives.shards.questions import GradientQuestion, LineQuestion, TrialQuestion
from objectives.shards.shard_files import open_shard, save_shard
from objectives.workspace import Workspace
from tests.conftest import cases_of_each_site, random_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from engine.ranking.weights import Weights
    from objectives.bank.labelled_bank import LabelledBank
    from objectives.cases.cases import Case
    from objectives.configuration import Configuration
    from objectives.lines.line import Line
    from objectives.shards.questions import AnswerT, Question

N_SHARDS = (1, 2, 7, 31)
N_OF_A_SITE = 60
SEED = 1  # two shards answer the other way round, too


class World(NamedTuple):
    """Shipped cases, site after site, and the sanity set."""

    workspace: Workspace
    tuning: LabelledBank
    sanity: LabelledBank

    @property
    def cases(self) -> Sequence[Case]:
        return self.tuning.cases


@pytest.fixture(scope="module")
def world(config: Configuration, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        workspace = Workspace(config)
        cases = cases_of_each_site(workspace, N_OF_A_SITE)
        tuning = workspace.bank(cases).answerable()
        yield World(workspace, tuning, workspace.bank(workspace.load_sanity().cases).answerable())


def cut(n_cases: int, n_shards: int) -> list[np.typing.NDArray[np.intp]]:
    """Cut cases into neighbours, so that a shard may lack a site."""
    return np.array_split(np.arange(n_cases), n_shards)


def shuffled(n_shards: int) -> list[int]:
    order: list[int] = np.random.default_rng([SEED, n_shards]).permutation(n_shards).tolist()
    assert n_shards == 1 or order != sorted(order)
    return order


def over_shards(
    function: Callable[[np.typing.NDArray[np.intp]], AnswerT], n_cases: int, n_shards: int
) -> list[AnswerT]:
    """Call a function of some cases for shard after shard, shuffled; answers in case order."""
    shards = cut(n_cases, n_shards)
    found = {number: function(shards[number]) for number in shuffled(n_shards)}
    return [found[number] for number in range(n_shards)]


class Crew:
    """Shards of cases, reached through bytes as other processes are."""

    def __init__(self, n_shards: int, folder: Path | None = None) -> None:
        self.n_shards = n_shards
        self.folder = folder
        self.shards: list[TrialBank] = []
        self.n_rounds = 0
        self.bytes_asked = 0
        self.bytes_answered: list[int] = []

    def spread(self, parts: Sequence[Part], n_groups: int, n_segments: int) -> ShardedCounts:
        """Cut cases where they stand one part after another."""
        n_cases = [len(part.groups) for part in parts]
        part_of = np.repeat(np.arange(len(parts)), n_cases)
        place = np.concatenate([np.arange(n) for n in n_cases])
        for number, cases in enumerate(cut(len(place), self.n_shards)):
            inside = [place[cases[part_of[cases] == i]] for i in range(len(parts))]
            cut_parts = [
                Part(part.labelled.take(some), part.groups[some], part.segments[some])
                for part, some in zip(parts, inside, strict=True)
            ]
            self.shards.append(self.kept(TrialBank.of(cut_parts, n_groups, n_segments), number))
        return ShardedCounts(self.ask, [shard.summary for shard in self.shards])

    def kept(self, shard: TrialBank, number: int) -> TrialBank:
        if self.folder is None:
            return shard
        folder = self.folder / str(number)
        folder.mkdir()
        save_shard(folder, shard)
        return open_shard(folder)

    def ask(self, question: Question[AnswerT]) -> Iterable[AnswerT]:
        self.n_rounds += 1
        asked = pickle.dumps(question)
        self.bytes_asked = len(asked)
        for number in shuffled(self.n_shards):
            received: Question[AnswerT] = pickle.loads(asked)  # noqa: S301 - our own bytes
            answered = pickle.dumps(received.answer(self.shards[number]))
            self.bytes_answered.append(len(answered))
            yield pickle.loads(answered)  # noqa: S301


class Sides(NamedTuple):
    """One objective in this process and in shards."""

    local: WeightObjective
    sharded: WeightObjective
    crew: Crew
    weights: list[Weights]
    lines: list[Line]

    def rounds_of(self, work: Callable[[], object]) -> int:
        before = self.crew.n_rounds
        work()
        return self.crew.n_rounds - before


@pytest.fixture(
    scope="module",
    params=[*((n, False) for n in N_SHARDS), (7, True)],
    ids=lambda p: f"{p[0]}" + "-saved" * p[1],
)
def sides(
    request: pytest.FixtureRequest,
    world: World,
    config: Configuration,
    tmp_path_factory: pytest.TempPathFactory,
) -> Sides:
    n_shards, is_saved = request.param
    crew = Crew(n_shards, tmp_path_factory.mktemp("shards") if is_saved else None)
    banks = (world.tuning, world.sanity, config.objective)
    weights = random_weights(config, 40, seed=2)
    space = SearchSpace(config.study.bounds)
    found = [
        line_through(weights[0], direction, space)
        for direction in coordinate_directions(weights[0]).values()
    ]
    lines = [line for line in found if line is not None]
    assert len(lines) > 5
    return Sides(
        WeightObjective(*banks), WeightObjective(*banks, crew.spread), crew, weights, lines
    )


def assert_same(one: Any, other: Any) -> None:
    """Compare to the last bit, and in type."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def test_some_shards_lack_a_site_or_a_segment(world: World, config: Configuration) -> None:
    crew = Crew(31)
    WeightObjective(world.tuning, world.sanity, config.objective, crew.spread)
    n_cases = np.array([shard.summary.n_cases for shard in crew.shards])
    assert np.any(n_cases.sum(axis=1) == 0, axis=1).all()  # a site
    assert np.any(n_cases.sum(axis=2) == 0)  # a segment
    assert n_cases.shape[1] == config.objective.n_rungs


@pytest.mark.parametrize("n_shards", N_SHARDS)
def test_what_is_known_before_any_trial_adds_up(
    n_shards: int, world: World, config: Configuration
) -> None:
    counts: list[ShardSummary] = []

    def both(parts: Sequence[Part], n_groups: int, n_segments: int) -> ShardedCounts:
        counts.append(LocalCounts(parts, n_groups, n_segments).summary)
        sharded = Crew(n_shards).spread(parts, n_groups, n_segments)
        counts.append(sharded.summary)
        return sharded

    found = WeightObjective(world.tuning, world.sanity, config.objective, both)
    local, sharded = counts
    assert_same(local[:3], sharded[:3])
    assert local.n_candidates == sharded.n_candidates
    assert local.n_found.sum() > local.n_reachable.sum() > 0
    alone = WeightObjective(world.tuning, world.sanity, config.objective)
    assert found.ceiling == alone.ceiling < 1


def record(objective: WeightObjective, weights: Weights, stop_at: int | None) -> list[object]:
    seen: list[Rung] = []

    def note(rung: Rung) -> bool:
        seen.append(rung)
        return rung.number == stop_at

    return [objective.evaluate(weights, note), *seen]


@pytest.mark.parametrize("stop_at", [None, 1, 5])
def test_a_trial(sides: Sides, stop_at: int | None) -> None:
    for weights in sides.weights[:5]:
        assert_same(*(record(side, weights, stop_at) for side in sides[:2]))
    assert sides.rounds_of(lambda: record(sides.sharded, sides.weights[0], stop_at)) == 1


def test_many_trials_with_and_without_a_floor(sides: Sides) -> None:
    floors = [float("-inf"), max(sides.local.evaluate(one).value for one in sides.weights)]
    for floor in floors:
        found = [side.evaluate_many(sides.weights, floor) for side in sides[:2]]
        assert_same(*found)
    n_stopped = sum(full.valuation.critical_errors is None for full in found[0])
    assert 0 < n_stopped < len(sides.weights)
    assert sides.rounds_of(lambda: sides.sharded.evaluate_many(sides.weights, floor)) == 1


def test_a_line_and_many_lines(sides: Sides) -> None:
    assert_same(sides.local.along(sides.lines[0]), sides.sharded.along(sides.lines[0]))
    found = [list(side.along_many(sides.lines)) for side in sides[:2]]
    assert_same(*found)
    assert sum(len(stretches.values) for stretches in found[0]) > 50
    assert sides.rounds_of(lambda: list(sides.sharded.along_many(sides.lines))) == 1


def test_a_paired_line(sides: Sides) -> None:
    for line in sides.lines:
        found = [side.paired_along(line) for side in sides[:2]]
        assert_same(*found)
    assert any(
        np.any(side.paired_along(line).errors) for side in sides[:1] for line in sides.lines
    )


def test_paired_counts(sides: Sides) -> None:
    for new in sides.weights[1:5]:
        found = [side.paired(sides.weights[0], new) for side in sides[:2]]
        assert_same(*found)
        assert found[0].error > 0


@pytest.mark.parametrize("margin", [0.02, 0.08])
def test_the_way_upwards(margin: float, sides: Sides) -> None:
    for weights in sides.weights[:5]:
        found = [side.upwards(weights, margin) for side in sides[:2]]
        assert_same(*found)
        assert np.any(found[0])


def test_what_travels_is_small(sides: Sides) -> None:
    def bytes_of(work: Callable[[], object]) -> tuple[int, int]:
        sides.crew.bytes_answered.clear()
        work()
        return sides.crew.bytes_asked, max(sides.crew.bytes_answered)

    n_groups = len(sides.local.sites) + 1
    a_trial = 8 * 20 * (n_groups + 1 + len(CRITICAL_KINDS))
    asked, answered = bytes_of(lambda: sides.sharded.evaluate(sides.weights[0]))
    assert asked < 1000
    assert answered < a_trial + 1000
    asked, answered = bytes_of(lambda: sides.sharded.along(sides.lines[0]))
    assert asked < 1000
    assert answered < 20_000


def test_a_shard_that_does_not_answer_is_no_shard_of_zeros(
    world: World, config: Configuration
) -> None:
    crew = Crew(7)
    sharded = WeightObjective(world.tuning, world.sanity, config.objective, crew.spread)
    crew.n_shards = 6
    with pytest.raises(RuntimeError, match="6 of 7 shards"):
        sharded.evaluate(config.weights)


def test_merged_answers_merge_again(world: World, config: Configuration) -> None:
    """So that one who holds several shards may merge them."""
    crew = Crew(7)
    WeightObjective(world.tuning, world.sanity, config.objective, crew.spread)
    v = effective_coefficients(config.weights)
    questions: list[Question[Any]] = [TrialQuestion(v[None]), GradientQuestion(v, 0.08)]
    for question in questions:
        answers = [question.answer(shard) for shard in crew.shards]
        halves = [question.merge(answers[:3]), question.merge(answers[3:])]
        assert_same(question.merge(halves), question.merge(answers))


def test_a_saved_shard_is_mapped_and_cannot_be_changed(
    world: World, config: Configuration, tmp_path: Path
) -> None:
    crew = Crew(2, tmp_path)
    WeightObjective(world.tuning, world.sanity, config.objective, crew.spread)
    block = crew.shards[0].blocks[0]
    for array in (block.features, block.codes, block.groups, block.n_left):
        assert not array.flags.writeable
        base: object = array
        while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
            base = base.base
        assert isinstance(base, np.memmap)


def test_a_saved_shard_says_what_it_said(
    world: World, config: Configuration, tmp_path: Path
) -> None:
    kept, opened = Crew(31), Crew(31, tmp_path)
    for crew in (kept, opened):
        WeightObjective(world.tuning, world.sanity, config.objective, crew.spread)
    line = line_through(
        config.weights,
        next(iter(coordinate_directions(config.weights).values())),
        SearchSpace(config.study.bounds),
    )
    assert line is not None
    question = LineQuestion(line)
    for one, other in zip(kept.shards, opened.shards, strict=True):
        assert_same(one.summary, other.summary)
        assert_same(question.answer(one), question.answer(other))
        for before, after in zip(one.blocks, other.blocks, strict=True):
            assert_same(before, after)


@pytest.mark.parametrize("n_shards", N_SHARDS)
def test_the_facts_of_a_bank(n_shards: int, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = over_shards(
        lambda cases: world.workspace.facts([world.cases[i] for i in cases]),
        len(world.cases),
        n_shards,
    )
    assert_same(FeatureBank(*map(np.concatenate, zip(*found, strict=True))), world.tuning.facts())


@pytest.mark.parametrize("n_shards", N_SHARDS)
def test_winners(n_shards: int, world: World, config: Configuration) -> None:
    for weights in random_weights(config, 3):
        v = effective_coefficients(weights)
        parts = over_shards(
            lambda cases, v=v: find_winners(world.tuning.take(cases), v),  # type: ignore[misc]
            len(world.cases),
            n_shards,
        )
        whole = find_winners(world.tuning, v)
        evidence = zip(*(part.evidence for part in parts), strict=True)
        assert_same([np.concatenate(column) for column in evidence], list(whole.evidence))
        for name in set(whole._fields) - {"evidence"}:
            joined = np.concatenate([getattr(part, name) for part in parts])
            assert_same(joined, getattr(whole, name))


@pytest.mark.parametrize("n_shards", N_SHARDS)
def test_judged_answers(n_shards: int, world: World, config: Configuration) -> None:
    parts = over_shards(
        lambda cases: judge(world.tuning.take(cases), config.judgement),
        len(world.cases),
        n_shards,
    )
    whole = judge(world.tuning, config.judgement)
    assert_same(np.concatenate([part.rows for part in parts]), whole.rows)
    assert_same(join_answers([part.answers for part in parts]), whole.answers)


@pytest.mark.parametrize("n_shards", N_SHARDS)
def test_mapped_records(n_shards: int, world: World) -> None:
    cases = world.cases[::3]
    records = [
        NameRecord({"exam_name": case.exam_name}, case.exam_name, case.modality_code)
        for case in cases
    ]
    engine = world.workspace.lookup_engine()
    parts = over_shards(
        lambda some: answer_records([records[i] for i in some], engine), len(records), n_shards
    )
    assert [answer for part in parts for answer in part] == answer_records(records, engine)
