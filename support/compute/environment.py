"""Compare a compute worker with this process: only those that compute alike get work."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import NamedTuple

from support.engine_version import LIBRARIES, engine_sha256
from support.installation import DASK_SETTINGS

_COMPARED = (*LIBRARIES, "dask", "distributed")
_SPILL = ("distributed.worker.memory.target", "distributed.worker.memory.spill")
SPILL_SETTINGS = " and ".join(f"{name}: false" for name in _SPILL)


class Environment(NamedTuple):
    """What a process computes with.

    Attributes
    ----------
    versions : dict
        Of the engine (its hash), Python and the libraries that matter.
    spills : bool
        Whether Dask may write what the process holds to disk, as pickles.
    """

    versions: dict[str, str]
    spills: bool


def environment() -> Environment:
    """Describe this process."""
    import dask  # noqa: PLC0415 - optional

    versions = {"engine": engine_sha256()[:12]}
    versions["Python"] = ".".join(platform.python_version_tuple()[:2])
    versions |= {library: version(library) for library in _COMPARED}
    return Environment(versions, any(dask.config.get(name) is not False for name in _SPILL))


def difference(there: Environment) -> str:
    """Say in which versions another process differs from this one; empty where in none."""
    here = environment().versions
    return ", ".join(
        f"{name} {there.versions.get(name, 'none')} there, {own} here"
        for name, own in here.items()
        if there.versions.get(name) != own
    )


def refusal(there: Environment) -> str:
    """Say why a process cannot be a compute worker of this one; empty where it can."""
    differs = difference(there)
    if differs:
        return differs
    if there.spills:
        return (
            "it may write what it holds to disk as pickles; set "
            f"{SPILL_SETTINGS}, or start it with DASK_CONFIG={DASK_SETTINGS}"
        )
    return ""
