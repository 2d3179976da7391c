"""Databases of both kinds that studies live in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from studies.storage.database import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optuna.storages import RDBStorage

    from tests.postgres import Server


class NewDatabase(Protocol):
    def __call__(self) -> str:
        """Return the URL of an empty database."""
        ...


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        return server.new_database
    numbers = iter(range(100))
    return lambda: f"sqlite:///{tmp_path / f'studies-{next(numbers)}.db'}"


class OpenStorage(Protocol):
    def __call__(self, url: str) -> RDBStorage:
        """Open a database with connections and caches of its own."""
        ...


@pytest.fixture
def opened() -> Iterator[OpenStorage]:
    """Open databases, and close them at the end of the test."""
    storages: list[RDBStorage] = []

    def open_(url: str) -> RDBStorage:
        storages.append(open_storage(url))
        return storages[-1]

    yield open_
    for storage in storages:
        storage.engine.dispose()
