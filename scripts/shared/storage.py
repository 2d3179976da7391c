"""What the verbs about studies share: the database that they are in."""

from __future__ import annotations

from typing import Annotated

import typer

from objectives.configuration import DEFAULT_CONFIG
from scripts.shared.console import load_and_warn

StorageOption = Annotated[
    str | None,
    typer.Option(
        envvar="OPTUNA_STORAGE",
        help="SQLAlchemy URL of the studies. [default: sqlite:///optimization_results.db]",
    ),
]
AllowOutsideOption = Annotated[
    bool,
    typer.Option("--allow-outside", help="Allow paths of the study file outside the project."),
]


def storage_url(storage: str | None) -> str:
    """Return the URL that was given, else the one in ``config.yaml``."""
    return storage or load_and_warn(DEFAULT_CONFIG).study.storage
