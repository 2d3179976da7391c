"""What a study was started with: the command and the version of the program."""

from __future__ import annotations

import hashlib
import sys
from functools import cache

from support.errors import hide_passwords
from support.installation import PROJECT_ROOT, installed_version

_PACKAGES = ("support", "engine", "exchange", "objectives", "studies", "scripts")
_PATTERNS = ("*.py", "*.toml")


def command_line() -> list[str]:
    """Return the arguments of this process, the program first, passwords hidden."""
    return [_hidden(argument) for argument in sys.argv]


@cache
def code_version() -> str:
    """Return the installed version and a SHA-256 of the program's own sources.

    Such as ``0.1.0 sha256:HEXADECIMAL``; whoever changes a line of code gets another one.
    """
    digest = hashlib.sha256()
    for path in sorted(
        path
        for package in _PACKAGES
        for pattern in _PATTERNS
        for path in (PROJECT_ROOT / package).rglob(pattern)
    ):
        digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{installed_version()} sha256:{digest.hexdigest()}"


def _hidden(argument: str) -> str:
    """Hide a password; one with blanks too, as an argument may hold them."""
    whole = "".join(argument.split())
    hidden = hide_passwords(whole)
    return argument if hidden == whole else hidden
