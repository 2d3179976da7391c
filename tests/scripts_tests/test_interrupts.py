"""What Ctrl-C says: a line that fits the verb, and never that it is an error."""

from __future__ import annotations

import io
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

import optuna
import pytest

from scripts.run_training import VERBS

if TYPE_CHECKING:
    from tests.scripts_tests.conftest import Cli


class CtrlC:
    """Keys of a user who presses Ctrl-C when asked."""

    def readline(self) -> str:
        raise KeyboardInterrupt


def interrupted() -> None:
    raise KeyboardInterrupt


def sleep(_: float) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def study(cli: Cli) -> str:
    optuna.create_study(
        study_name="mine", storage=f"sqlite:///{cli.folder / 'optimization_results.db'}"
    )
    return "mine"


@pytest.mark.parametrize("verb", VERBS)
def test_an_interrupted_verb_says_how_to_go_on(
    verb: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = VERBS[verb]
    monkeypatch.setattr(import_module(f"scripts.{verb}"), known.function or verb, interrupted)
    ran = cli(verb)
    assert ran.code == 130
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert line.startswith("radtune: interrupted")
    assert line.endswith(known.when_interrupted)


def test_long_verbs_have_a_line_of_their_own() -> None:
    assert {verb for verb, known in VERBS.items() if known.when_interrupted} == {
        *("train", "optimize", "worker", "weights", "calibrate", "map"),
    }
    assert "--resume" in VERBS["map"].when_interrupted
    assert "worker" in VERBS["worker"].when_interrupted


def test_ctrl_c_ends_the_watch_and_is_no_error(
    study: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.status.time", SimpleNamespace(sleep=sleep))
    ran = cli("status", "--watch")
    assert (ran.code, ran.stderr) == (0, "")
    assert study in ran.stdout


@pytest.mark.parametrize("keys", [CtrlC(), io.StringIO("")])
def test_ctrl_c_at_the_question_deletes_nothing(
    keys: CtrlC | io.StringIO, study: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", keys)
    ran = cli("delete", study)
    assert (ran.code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines()[-1] == "nothing was deleted"
    monkeypatch.undo()
    assert study in cli("status").stdout
