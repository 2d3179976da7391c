"""Keep how often each row is used, so that a lookup need not read every training file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exchange.lists import json_records
from objectives import configuration
from objectives.cases import cases, usage
from objectives.cases.cases import load_cases, resolve_dataset
from objectives.cases.usage import count_usage
from support.arrays.array_file import read_arrays, write_arrays
from support.caches import cache_dir
from support.hashing import hash_of, sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.catalogue.rows import CatalogueRow

_COUNTING = (json_records, cases, configuration, usage)  # the modules that say what counts


def read_counts(
    rows: Sequence[CatalogueRow],
    files: Sequence[Path],
    tuning_sites: Sequence[str],
    catalogue_sha256: str,
) -> dict[str, NDArray[np.int64]]:
    """Count each tuning site's use of each row, from the cache where nothing has changed.

    Parameters
    ----------
    rows : sequence of CatalogueRow
    files : sequence of Path
        Training files.
    tuning_sites : sequence of str
    catalogue_sha256 : str

    Raises
    ------
    InputFileError
        As `load_cases`, and when the cache cannot be written.
    """
    key = hash_of(
        [
            catalogue_sha256,
            list(tuning_sites),
            [sha256_of_file(resolve_dataset(path)) for path in files],
            [sha256_of_file(Path(str(module.__file__))) for module in _COUNTING],
        ]
    )
    path = cache_dir() / f"usage-{key[:32]}.npz"
    shape = (len(tuning_sites), len(rows))
    kept = read_arrays(path).get("counts", np.zeros(0, dtype=np.int64))
    if kept.shape == shape:
        return dict(zip(tuning_sites, kept, strict=True))
    names = frozenset(row.preferred_name for row in rows)
    counts = count_usage(rows, load_cases(files, names).cases, tuning_sites)
    in_order = [counts[site] for site in tuning_sites]
    write_arrays(path, {"counts": np.array(in_order, dtype=np.int64).reshape(shape)})
    return counts
