"""What the facts about names depend on beside the data: the engine and the libraries it uses."""

from __future__ import annotations

from support.hashing import sha256_of_package

LIBRARIES = ("numpy", "rapidfuzz")  # on which features depend


def engine_sha256() -> str:
    """Hash the engine's code and vocabulary: whoever changes either gets new banks and studies."""
    return sha256_of_package("engine")
