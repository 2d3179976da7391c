"""The folder for what can be computed again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder for banks: ``RADTUNE_CACHE``, else ``.local/cache``."""
    return Path(os.environ.get("RADTUNE_CACHE") or Path(".local", "cache"))
