"""The command line: ``python scripts/run_training.py VERB``, and the same as ``radtune VERB``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command
from typing_extensions import override

from support.errors import RadTuneError, hide_passwords
from support.identifiers import mask
from support.installation import installed_version

if TYPE_CHECKING:
    from typer._click.core import Command, Context

EXIT_USER_ERROR = 1
EXIT_INTERRUPTED = 130
_INTERRUPTED = "interrupted; what is finished is kept: run the same again (map: with --resume)"

_FUNCTIONS = {  # of each verb, in the module of its name
    "train": "train",
    "optimize": "optimize",
    "submit": "submit",
    "worker": "worker",
    "status": "status",
    "cancel": "cancel",
    "delete": "delete",
    "compare": "compare",
    "weights": "weights",
    "calibrate": "calibrate",
    "validate": "validate",
    "lookup": "lookup",
    "map": "map_names",
    "dashboard": "dashboard",
}


class _Verbs(TyperGroup):
    """The verbs; the module of each is imported only when it is run or described.

    A lookup answers in less time than the libraries of a study take to import.
    """

    @override
    def list_commands(self, ctx: Context) -> list[str]:
        return list(_FUNCTIONS)

    @override
    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        # for an unknown verb every known one is needed, to suggest the nearest
        for verb in [cmd_name] if cmd_name in _FUNCTIONS else _FUNCTIONS:
            if verb not in self.commands:
                self.add_command(_command(verb))
        return super().get_command(ctx, cmd_name)


def _command(verb: str) -> Command:
    """Import a verb and read its options."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(verb)(getattr(import_module(f"scripts.{verb}"), _FUNCTIONS[verb]))
    return get_command(alone)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer's
    if asked:
        typer.echo(f"radtune {installed_version()}")
        raise typer.Exit


def _only_verbs(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take no other options of its own."""


app = typer.Typer(
    name="radtune",
    cls=_Verbs,
    callback=_only_verbs,
    help="Tune the scoring weights of the radiology lookup engine, and use it.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a verb; a user's mistake ends in one line on stderr and an exit code that is not 0."""
    if any(not _is_text(argument) for argument in sys.argv):
        _fail("an argument is not valid text in this terminal's encoding", EXIT_USER_ERROR)
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except RadTuneError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        _fail(_INTERRUPTED, EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _is_text(argument: str) -> bool:
    """Tell whether an argument can be printed and stored: it has no lone surrogate."""
    return not any("\ud800" <= letter <= "\udfff" for letter in argument)


def _fail(message: str, code: int) -> None:
    # the arguments may be a name, word by word, or a URL with a password
    line = mask(hide_passwords(" ".join(message.split())))
    sys.stderr.write(f"radtune: error: {line}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
