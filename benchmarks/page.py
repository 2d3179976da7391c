"""Pages that hold measured figures: each command replaces its own section."""

from __future__ import annotations

import re
from pathlib import Path

from support.atomic_files import write_whole

PAGE = Path(__file__).resolve().parent.parent / "docs" / "figures" / "benchmarks.md"


def write_section(name: str, text: str, path: Path = PAGE) -> None:
    """Replace a section of a page, from its start to its end mark.

    Raises
    ------
    ValueError
        When the page has no such section.
    """
    page = path.read_text(encoding="utf-8")
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(start)}.*{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{path} has no section {name!r}")
    write_whole(path, pattern.sub(lambda _: f"{start}\n{text}\n{end}", page))
