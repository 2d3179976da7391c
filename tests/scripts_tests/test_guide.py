"""The commands and scripts of README and guide, run in their order on few records."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks.guide_commands import PAGES, GuideFolder, blocks_of, shown_again, steps
from objectives import TrainingConfig
from objectives.configuration import load_configuration
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EXPORT = "optimized_config.yaml"


@pytest.mark.process
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_ends_as_it_says(
    page: Path, tmp_path: Path, few_data: Path
) -> None:
    guide = GuideFolder(tmp_path)
    shutil.copytree(few_data, tmp_path / "data" / "training")
    config = tmp_path / "config.yaml"
    found = [step for block in blocks_of(page) for step in steps(block)]
    assert found
    config.write_text(re.sub("(max_experiments:) 100", r"\1 10", config.read_text()))
    for step in found:
        export = tmp_path / EXPORT
        is_missing = EXPORT in step.text and not export.exists()
        if is_missing:  # of few records the gate believes no gain
            shutil.copy(config, export)
        ran = guide.run(step)
        assert ran.returncode in step.codes, f"{step.text}\n{ran.stdout}"
        assert "Traceback" not in ran.stdout
        if is_missing:
            export.unlink()


def test_all_of_the_guide_is_run() -> None:
    assert {page.name for page in PAGES} >= {"README.md", "first-hour.md"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown_only = "".join(re.findall(r"^```(?!console).*?^```", text, re.DOTALL | re.MULTILINE))
        assert "```bash" not in shown_only, f"{page}: console is run, sh is not"


def test_the_options_of_the_earlier_guide_are_the_defaults_of_today() -> None:
    page = ROOT / "docs" / "guide" / "coming-from-the-earlier-guide.md"
    (script,) = (s.text for block in blocks_of(page) for s in steps(block) if s.is_script)
    found: dict[str, object] = {}
    exec(script, found)  # noqa: S102
    options = found["config"]
    assert isinstance(options, TrainingConfig)
    defaults = load_configuration(ROOT / "config.yaml").training
    assert options.settings(defaults) == defaults
    assert TrainingConfig(validation_split=0.2).settings(defaults).validation_split == 0.2


def test_of_a_cut_output_the_lines_that_are_there_are_shown_again() -> None:
    printed = ["facts of 3", "Best value: 0.5", "other", "Decision: kept", "Total time: 3 s"]
    said = ("...", "Best value: 0.9", "...", "Decision: exported")
    assert shown_again(said, printed) == ["...", "Best value: 0.5", "...", "Decision: kept"]
    assert shown_again((), printed) == []
    assert shown_again(("old",), printed) == printed
    with pytest.raises(ValueError, match="no longer printed: 'Gain: 1'"):
        shown_again(("...", "Gain: 1"), printed)
