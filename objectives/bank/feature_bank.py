"""The feature bank: every case's candidates and features, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.ranking.candidates import Retriever
from engine.ranking.weights import N_FEATURES
from engine.reading.query import make_query
from support.arrays.array_folder import (
    create_arrays,
    map_arrays,
    map_unfinished,
    open_or_build,
    write_entries,
)
from support.arrays.chunk_journal import Chunk, ChunkJournal, missing_ranges
from support.caches import cache_dir
from support.engine_version import LIBRARIES, engine_sha256
from support.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.catalogue.index import CatalogueIndex
    from objectives.cases.cases import Case
    from objectives.cases.usage import Usage
    from support.executors import Executor

OnCases = Callable[[int, int], None]  # told how many of how many cases are done

_BLOCK = 4096  # names that are hashed at a time


class FeatureBank(NamedTuple):
    """Facts about cases; a trial only multiplies them with its coefficients.

    Attributes
    ----------
    features : ndarray of float32, shape (n_cases, top_k, n_features)
        Candidates in tie-break order: the first maximum of the scores is the winner. Where a case
        has fewer than ``top_k`` candidates its first one fills up, which never wins a tie.
    rows : ndarray of int32, shape (n_cases, top_k)
        Catalogue positions; -1 throughout where a case has no candidate.
    departs : ndarray of uint8, shape (n_cases, top_k)
        How each candidate departs from the name, as `engine.ranking.departures.Departure` flags.
    n_candidates : ndarray of int32, shape (n_cases,)
    completeness : ndarray of float64, shape (n_cases,)
        Share of each name that was understood, [0, 1].
    states_nothing : ndarray of bool, shape (n_cases,)
        Names that state no anatomy, technique, intervention or context.
    non_clinical : ndarray of bool, shape (n_cases,)
        Lines that the engine takes for no exam at all.
    """

    features: NDArray[np.float32]
    rows: NDArray[np.int32]
    departs: NDArray[np.uint8]
    n_candidates: NDArray[np.int32]
    completeness: NDArray[np.float64]
    states_nothing: NDArray[np.bool_]
    non_clinical: NDArray[np.bool_]

    def take(self, cases: NDArray[np.intp]) -> FeatureBank:
        """Return the bank of some of the cases, in the order given, copied into memory."""
        columns: tuple[NDArray[Any], ...] = self
        return FeatureBank(*(column[cases] for column in columns))


OnReady = Callable[[FeatureBank, int], None]  # given a growing bank and how many cases are ready


class BankRecipe(NamedTuple):
    """Everything that a bank depends on.

    Attributes
    ----------
    catalogue : CatalogueIndex
    usage : Usage
    top_k : int
    catalogue_sha256 : str
    """

    catalogue: CatalogueIndex
    usage: Usage
    top_k: int
    catalogue_sha256: str

    def key(self, cases: Sequence[Case]) -> str:
        """Hash catalogue, cases, structural settings, usage and engine."""
        sites = sorted({case.site for case in cases})
        usage = [
            hashlib.sha256(self.usage.seen_from(site).tobytes()).hexdigest() for site in sites
        ]
        setting = [
            engine_sha256(),
            [version(library) for library in LIBRARIES],
            self.catalogue_sha256,
            self.catalogue.retrieval.model_dump(mode="json"),
            self.top_k,
            usage,
        ]
        digest = hashlib.sha256(hash_of(setting).encode())
        for start in range(0, len(cases), _BLOCK):
            block = cases[start : start + _BLOCK]
            names = [(case.site, case.modality_code, case.exam_name) for case in block]
            digest.update(json.dumps(names).encode())
        return digest.hexdigest()


def silent(_n_done: int, _n_cases: int) -> None:
    """Tell no one how far a build is."""


def load_or_build_bank(
    cases: Sequence[Case],
    recipe: BankRecipe,
    chunk_size: int,
    executor: Executor,
    on_cases: OnCases = silent,
    *,
    on_ready: OnReady | None = None,
) -> FeatureBank:
    """Open the bank of these cases from the cache, or build and keep it.

    A build that was stopped, killed included, goes on with the chunks that it had written.

    Parameters
    ----------
    cases : sequence of Case
    recipe : BankRecipe
    chunk_size : int
        Cases per piece of work; the bank does not depend on it.
    executor : Executor
        Finds the facts of the chunks; they are written here.
    on_cases : callable
        Told how many of how many cases are done while the bank is built.
    on_ready : callable, optional
        Given the bank while it is built, with the number of its first cases that are finished,
        whenever there are more of them. What it raises stops the build.

    Returns
    -------
    FeatureBank
        Memory-mapped, read-only.
    """
    key = recipe.key(cases)

    def build(folder: Path) -> None:
        journal, chunks = _begin(folder, key, recipe.top_k, len(cases))
        growing = FeatureBank(*map_arrays(folder, FeatureBank._fields))
        missing = list(missing_ranges(chunks, len(cases), chunk_size))
        parts = (ChunkOfCases(part.start, cases[part.start : part.stop]) for part in missing)
        n_done, n_ready = len(cases) - sum(map(len, missing)), 0
        with closing(executor.run(facts_of_chunk, FactFinder(recipe), parts)) as built:
            for start, facts in built:
                entries = facts._asdict()
                write_entries(folder, entries, start)
                chunk = Chunk.of(entries, start)
                journal.add(chunk)
                chunks.append(chunk)
                n_done += chunk.stop - chunk.start
                on_cases(n_done, len(cases))
                first_missing = next(missing_ranges(chunks, len(cases), 1), range(len(cases), -1))
                if on_ready and first_missing.start > n_ready:
                    n_ready = first_missing.start
                    on_ready(growing, n_ready)
        journal.remove()

    arrays = open_or_build(
        cache_dir() / f"bank-{key[:32]}",
        key,
        FeatureBank._fields,
        build,
    )
    return FeatureBank(*arrays)


def _begin(folder: Path, key: str, top_k: int, n_cases: int) -> tuple[ChunkJournal, list[Chunk]]:
    """Open what an earlier build has left, or begin; tell which chunks are there."""
    journal, specimens = ChunkJournal(folder, key), _empty(0, top_k)._asdict()
    if journal.is_begun():
        arrays = map_unfinished(folder, specimens, n_cases)
        if arrays is not None:
            chunks = journal.whole_chunks(arrays)
            journal.begin(chunks)
            return journal, chunks
    create_arrays(folder, specimens, n_cases)
    journal.begin()
    return journal, []


class ChunkOfCases(NamedTuple):
    """Neighbouring cases of a bank, the first of them at `start`."""

    start: int
    cases: Sequence[Case]

    def __str__(self) -> str:
        """Name the cases, counted from 1."""
        return f"cases {self.start + 1:,} to {self.start + len(self.cases):,}"


class FactFinder:
    """Finds the facts of case after case; what it has found serves those that are read alike.

    Another process receives the recipe alone.

    Parameters
    ----------
    recipe : BankRecipe
    """

    def __init__(self, recipe: BankRecipe) -> None:
        self._recipe = recipe

    def __reduce__(self) -> tuple[type[FactFinder], tuple[BankRecipe]]:
        return FactFinder, (self._recipe,)

    @cached_property
    def _retriever(self) -> Retriever:
        return Retriever(self._recipe.catalogue, self._recipe.top_k)

    def facts(self, cases: Sequence[Case]) -> FeatureBank:
        """Return the bank of some cases."""
        top_k, usage = self._recipe.top_k, self._recipe.usage
        bank = _empty(len(cases), top_k)
        for position, case in enumerate(cases):
            query = make_query(case.exam_name, case.modality_code)
            bank.completeness[position] = query.completeness
            bank.states_nothing[position] = query.states_nothing
            bank.non_clinical[position] = query.parsed.non_clinical
            found = self._retriever.candidates(query, usage.seen_from(case.site))
            n_found = bank.n_candidates[position] = len(found.rows)
            if n_found:
                filled = np.minimum(np.arange(top_k), n_found - 1)
                filled[n_found:] = 0
                bank.features[position] = found.features[filled]
                bank.rows[position] = found.rows[filled]
                bank.departs[position] = found.departs[filled]
        return bank


def facts_of_chunk(finder: FactFinder, chunk: ChunkOfCases) -> tuple[int, FeatureBank]:
    """Return where a chunk begins, and its bank."""
    return chunk.start, finder.facts(chunk.cases)


def _empty(n_cases: int, top_k: int) -> FeatureBank:
    return FeatureBank(
        features=np.zeros((n_cases, top_k, N_FEATURES), dtype=np.float32),
        rows=np.full((n_cases, top_k), -1, dtype=np.int32),
        departs=np.zeros((n_cases, top_k), dtype=np.uint8),
        n_candidates=np.zeros(n_cases, dtype=np.int32),
        completeness=np.ones(n_cases, dtype=np.float64),
        states_nothing=np.zeros(n_cases, dtype=np.bool_),
        non_clinical=np.zeros(n_cases, dtype=np.bool_),
    )
