"""Open everything that a run needs: catalogue, index, truth, usage, cases and their banks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from engine.catalogue.index import CatalogueIndex
from engine.catalogue.rows import CatalogueRow
from engine.lookup import LookupEngine
from exchange.catalogues.nhs_json import load_catalogue
from objectives.bank.catalogue_cache import read_postings, read_slots
from objectives.bank.feature_bank import (
    BankRecipe,
    FeatureBank,
    OnCases,
    OnReady,
    load_or_build_bank,
    silent,
)
from objectives.bank.labelled_bank import LabelledBank, label_candidates
from objectives.cases.cases import Case, CaseSet, dataset_files, load_cases
from objectives.cases.critical_errors import RowTruth
from objectives.cases.usage import Usage
from objectives.cases.usage_cache import read_counts
from objectives.configuration import resolve
from support.errors import InputFileError
from support.executors import Executor, LocalProcesses
from support.hashing import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from objectives.configuration import Configuration


class Workspace:
    """The catalogue as one configuration sees it.

    Parameters
    ----------
    config : Configuration
    training_dir : Path, optional
        Folder of the training files from whose tuning sites usage is learned; the
        configuration's when not given.
    catalogue : Path, optional
        Another catalogue than the configuration's; nothing is known about the usage of its rows.
    executor : Executor, optional
        Computes the banks; processes on this machine when not given.

    Attributes
    ----------
    rows : tuple of CatalogueRow
    catalogue_sha256 : str
    index : CatalogueIndex
    usage : Usage
    """

    def __init__(
        self,
        config: Configuration,
        training_dir: Path | None = None,
        catalogue: Path | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._config = config
        self._executor = executor
        path = resolve(catalogue or config.data.catalogue)
        self.rows: tuple[CatalogueRow, ...] = load_catalogue(path)
        self.catalogue_sha256 = sha256_of_file(path)
        self._names = frozenset(row.preferred_name for row in self.rows)
        slots = read_slots(self.rows, self.catalogue_sha256)
        postings = read_postings(slots, config.retrieval.ngram_range, self.catalogue_sha256)
        self.index = CatalogueIndex(self.rows, config.retrieval, slots, postings)
        files = () if catalogue else _training_files(training_dir or config.data.training_dir)
        counts = read_counts(self.rows, files, config.split.tuning, self.catalogue_sha256)
        self.usage = Usage(len(self.rows), counts)

    @cached_property
    def truth(self) -> RowTruth:
        """What the rows truly are."""
        return RowTruth(self.rows, self.index.slots, self._config.data.slots)

    @cached_property
    def recipe(self) -> BankRecipe:
        """What the banks of this workspace depend on."""
        return BankRecipe(
            self.index, self.usage, self._config.retriever_top_k, self.catalogue_sha256
        )

    def load_cases(
        self, paths: Sequence[Path], limit: int | None = None, *, open_test_sites: bool = False
    ) -> CaseSet:
        """Load the cases of some files; see `objectives.cases.cases.load_cases`.

        The labels of the test sites (``split.test``) are withheld and counted by site.

        Parameters
        ----------
        paths : sequence of Path
        limit : int, optional
            Use only the first so many records.
        open_test_sites : bool
            Give them; ``benchmarks/search.py`` alone may (``tests/test_closed_sites.py``).

        Raises
        ------
        InputFileError
            As `objectives.cases.cases.load_cases`.
        """
        closed_sites = () if open_test_sites else self._config.split.test
        return load_cases(paths, self._names, limit, closed_sites)

    def load_sanity(self, path: Path | None = None) -> CaseSet:
        """Load the sanity set.

        Raises
        ------
        InputFileError
            As `load_cases`, and when a record of the sanity set cannot be used: it is faulty, or
            its label is withheld.
        """
        path = path or self._config.data.sanity
        sanity = self.load_cases([path])
        if sanity.bad_records:
            raise InputFileError(str(sanity.bad_records[0]))
        if sanity.held_back:
            raise InputFileError(
                f"{path}: holds cases of the test sites {', '.join(sanity.held_back)}, whose "
                "right answers only make bench-search opens; leave them out, or take the site out "
                "of split.test in the configuration"
            )
        return sanity

    def bank(self, cases: Sequence[Case], on_cases: OnCases = silent) -> LabelledBank:
        """Open or build the bank of some cases and label its candidates."""
        return self.label(cases, self.facts(cases, on_cases=on_cases))

    def facts(
        self,
        cases: Sequence[Case],
        chunk_size: int | None = None,
        max_workers: int | None = None,
        on_cases: OnCases = silent,
        *,
        on_ready: OnReady | None = None,
    ) -> FeatureBank:
        """Open or build the bank of some cases; see `load_or_build_bank`."""
        training = self._config.training
        return load_or_build_bank(
            cases,
            self.recipe,
            chunk_size or training.chunk_size,
            self._executor or LocalProcesses(max_workers or training.max_workers),
            on_cases,
            on_ready=on_ready,
        )

    def label(self, cases: Sequence[Case], facts: FeatureBank) -> LabelledBank:
        """Compare every candidate of some cases with the gold row."""
        return label_candidates(cases, facts, self.rows, self.truth)

    def lookup_engine(self) -> LookupEngine:
        """Return the engine that answers one name at a time with the configured weights."""
        return LookupEngine(
            self.index,
            self._config.judgement,
            self._config.retriever_top_k,
            self.usage.everywhere,
        )


def _training_files(directory: Path) -> Sequence[Path]:
    """List the files that usage is learned from; none where there are no such files."""
    try:
        return dataset_files(directory)
    except InputFileError:
        return ()
