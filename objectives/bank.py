"""The feature bank: every case's candidates and features, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import engine
from engine.coefficients import N_FEATURES
from engine.errors import InputFileError
from engine.lookup import collect_facts
from engine.query import make_query
from objectives.configuration import hash_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.index import CatalogueIndex
    from objectives.cases import Case
    from objectives.usage import Usage

_ARRAYS = (
    "features",
    "rows",
    "departs",
    "n_candidates",
    "completeness",
    "states_nothing",
    "non_clinical",
)
_MANIFEST = "manifest.json"
_LIBRARIES = ("numpy", "rapidfuzz")  # on which features depend


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
        How each candidate departs from the name, as `engine.departures.Departure` flags.
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
        return FeatureBank(
            self.features[cases],
            self.rows[cases],
            self.departs[cases],
            self.n_candidates[cases],
            self.completeness[cases],
            self.states_nothing[cases],
            self.non_clinical[cases],
        )


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
        names = [(case.site, case.modality_code, case.exam_name) for case in cases]
        return hash_of(
            [
                engine_sha256(),
                [version(library) for library in _LIBRARIES],
                self.catalogue_sha256,
                self.catalogue.retrieval.model_dump(mode="json"),
                self.top_k,
                usage,
                names,
            ]
        )


@cache
def engine_sha256() -> str:
    """Hash the engine's code and vocabulary: whoever changes either gets new banks and studies."""
    root = Path(engine.__file__).parent
    files = sorted(
        path
        for pattern in ("*.py", "vocabulary/*")
        for path in root.glob(pattern)
        if path.is_file()
    )
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def cache_dir() -> Path:
    """Return the folder for banks: ``RADTUNE_CACHE``, else ``.local/cache``."""
    return Path(os.environ.get("RADTUNE_CACHE") or Path(".local", "cache"))


def load_or_build_bank(
    cases: Sequence[Case], recipe: BankRecipe, chunk_size: int, max_workers: int
) -> FeatureBank:
    """Open the bank of these cases from the cache, or build and keep it.

    Parameters
    ----------
    cases : sequence of Case
    recipe : BankRecipe
    chunk_size : int
        Cases per piece of work; the bank does not depend on it.
    max_workers : int
        Processes at most; never more than there are cores or chunks.

    Returns
    -------
    FeatureBank
        Memory-mapped, read-only.
    """
    key = recipe.key(cases)
    folder = cache_dir() / f"bank-{key[:32]}"
    if not _is_whole(folder, key):
        _write(build_bank(cases, recipe, chunk_size, max_workers), folder, key)
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    return FeatureBank(*arrays)


def build_bank(
    cases: Sequence[Case], recipe: BankRecipe, chunk_size: int, max_workers: int
) -> FeatureBank:
    """Compute the facts of every case, chunk after chunk, in parallel processes.

    Each process gets one run of neighbouring chunks: the catalogue travels to it once.
    """
    import joblib  # noqa: PLC0415 - 0.2 s, and a lookup builds no bank

    chunks = [cases[start : start + chunk_size] for start in range(0, len(cases), chunk_size)]
    n_jobs = max(1, min(max_workers, os.cpu_count() or 1, len(chunks)))
    share = -(-len(chunks) // n_jobs)
    runs = [chunks[start : start + share] for start in range(0, len(chunks), share or 1)]
    built = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_build_chunks)(r, recipe) for r in runs)
    pieces = [piece for run in built for piece in run]
    if not pieces:
        return _empty(0, recipe.top_k)
    return FeatureBank(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))


def _build_chunks(chunks: Sequence[Sequence[Case]], recipe: BankRecipe) -> list[FeatureBank]:
    return [_build_chunk(chunk, recipe) for chunk in chunks]


def _build_chunk(cases: Sequence[Case], recipe: BankRecipe) -> FeatureBank:
    queries = [make_query(case.exam_name, case.modality_code) for case in cases]
    usage = [recipe.usage.seen_from(case.site) for case in cases]
    bank = _empty(len(cases), recipe.top_k)
    bank.completeness[:] = [query.completeness for query in queries]
    bank.states_nothing[:] = [query.states_nothing for query in queries]
    bank.non_clinical[:] = [query.parsed.non_clinical for query in queries]
    for case, found in enumerate(collect_facts(queries, recipe.catalogue, usage, recipe.top_k)):
        n_found = len(found.rows)
        bank.n_candidates[case] = n_found
        if n_found:
            filled = np.minimum(np.arange(recipe.top_k), n_found - 1)
            filled[n_found:] = 0
            bank.features[case] = found.features[filled]
            bank.rows[case] = found.rows[filled]
            bank.departs[case] = found.departs[filled]
    return bank


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


def _is_whole(folder: Path, key: str) -> bool:
    """Tell whether the folder holds the complete bank of this key."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        sizes = {name: (folder / f"{name}.npy").stat().st_size for name in _ARRAYS}
    except (OSError, ValueError):
        return False
    return bool(manifest == {"key": key, "bytes": sizes})


def _write(bank: FeatureBank, folder: Path, key: str) -> None:
    """Write a bank under a temporary name and rename it, so that no half bank is ever seen."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    except OSError as error:
        raise _unusable(folder.parent, error) from None
    try:
        for name in _ARRAYS:
            np.save(temporary / f"{name}.npy", getattr(bank, name), allow_pickle=False)
        sizes = {name: (temporary / f"{name}.npy").stat().st_size for name in _ARRAYS}
        (temporary / _MANIFEST).write_text(json.dumps({"key": key, "bytes": sizes}))
        if not _is_whole(folder, key):  # another process may have been faster
            shutil.rmtree(folder, ignore_errors=True)
            temporary.replace(folder)
    except OSError as error:
        if not _is_whole(folder, key):
            raise _unusable(folder.parent, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unusable(folder: Path, error: OSError) -> InputFileError:
    return InputFileError(
        f"{folder}: the cache cannot be written ({error.strerror}); "
        "set RADTUNE_CACHE to a folder that can"
    )
