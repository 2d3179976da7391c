"""What documents name is there: files, links, verbs, options and targets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer import Context
from typer.main import get_command

from scripts.run_training import VERBS, app
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md")])
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w/.:-])(?:[\w.*-]+/)+[\w.*-]*")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
VERB = re.compile(r"(?:radtune|scripts/run_training\.py) ([a-z]+)\b([^|\n`#]*)")
TARGET = re.compile(r"(?:^|\$ |`)make ([a-z][\w-]*)", re.MULTILINE)
PLACEHOLDER = re.compile(r"NAME|FILE")
MOST_BYTES_OF_README = 8192
MOST_LINES = 300


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_of(page: Path) -> str:
    """Return what stands in blocks and between backticks."""
    return "\n".join(CODE.findall(text_of(page)))


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def named_paths(page: Path) -> Iterator[str]:
    for path in PATH.findall(code_of(page)):
        if path.split("/")[0] in FOLDERS and not PLACEHOLDER.search(path):
            yield path.rstrip(".")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_is_there(page: Path) -> None:
    for path in named_paths(page):
        assert list(ROOT.glob(path)) or list(page.parent.glob(path)), path


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """The options of every verb."""
    group = get_command(app)
    context = Context(group)
    return {
        verb: {
            name
            for parameter in group.get_command(context, verb).params  # type: ignore[attr-defined]
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        for verb in VERBS
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_verb_and_option_is_there(page: Path, options: dict[str, set[str]]) -> None:
    for verb, rest in VERB.findall(code_of(page)):
        assert verb in options, verb
        named = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)) - {"--help"}
        assert named <= options[verb], f"{verb}: {named - options[verb]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_is_there(page: Path) -> None:
    targets = set(
        re.findall(r"^([a-z%-]+(?: [a-z-]+)*):", text_of(ROOT / "Makefile"), re.MULTILINE)
    )
    words = {word for target in targets for word in target.split()}
    for target in TARGET.findall(code_of(page)):
        assert target in words or target.startswith("study-"), target


def test_pages_are_short() -> None:
    assert len(text_of(ROOT / "README.md").encode()) <= MOST_BYTES_OF_README
    assert len(text_of(ROOT / "AGENTS.md").splitlines()) < 30
    for page in (ROOT / "docs" / "guide").glob("*.md"):
        assert len(text_of(page).splitlines()) <= MOST_LINES, page
