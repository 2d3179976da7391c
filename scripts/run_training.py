"""The command line: ``python scripts/run_training.py VERB``, and the same as ``radtune VERB``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command
from typing_extensions import override

from support.errors import RadTuneError, hide_passwords
from support.identifiers import mask
from support.installation import installed_version
from support.unknown_names import unknown

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter

EXIT_USER_ERROR = 1
EXIT_NO_VERB = 2
EXIT_INTERRUPTED = 130
_AGAIN = "run the same command again to go on"


class _Verb(NamedTuple):
    """What is known of a verb before its module is imported.

    Attributes
    ----------
    summary : str
        First line of its help; fits 80 columns in the list of verbs.
    when_interrupted : str
        What is kept when it is interrupted, and how to go on.
    function : str
        In the module of the verb's name; the same name when empty.
    """

    summary: str
    when_interrupted: str = ""
    function: str = ""


VERBS = {
    "train": _Verb("Run the engine over training files and measure it.", _AGAIN),
    "optimize": _Verb(
        "Search for better weights; export proven ones.", f"completed trials are saved; {_AGAIN}"
    ),
    "submit": _Verb("Add a study to the database for workers to run."),
    "worker": _Verb(
        "Run the open studies of a database.",
        "completed trials are saved; start a worker again to go on",
    ),
    "status": _Verb("Show the progress of every study."),
    "cancel": _Verb("Stop all work on a study; keep its trials."),
    "delete": _Verb("Delete a study and all its trials."),
    "compare": _Verb("Compare two configurations on the same cases."),
    "weights": _Verb("Show how much each weight matters.", _AGAIN),
    "calibrate": _Verb("Fit confidence to the weights of a configuration.", _AGAIN),
    "validate": _Verb("Measure a configuration on the sanity set."),
    "lookup": _Verb("Map one exam name to catalogue rows."),
    "map": _Verb(
        "Map a file of exam names to catalogue rows.",
        "run the same command with --resume to go on",
        "map_names",
    ),
    "dashboard": _Verb("Browse studies and trials in a web browser."),
}


class _Verbs(TyperGroup):
    """The verbs; the module of each is imported only when it is run.

    A lookup answers in less time than the libraries of a study take to import.
    """

    @override
    def list_commands(self, ctx: Context) -> list[str]:
        return list(VERBS)

    @override
    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name in VERBS and cmd_name not in self.commands:
            self.add_command(_command(cmd_name))
        return super().get_command(ctx, cmd_name)

    @override
    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        if args[0] not in VERBS:
            ctx.fail(f"command {unknown(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    @override
    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, known.summary) for verb, known in VERBS.items()])


def _command(verb: str) -> Command:
    """Import a verb and read its options."""
    module = import_module(f"scripts.{verb}")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    function = getattr(module, VERBS[verb].function or verb)
    alone.command(verb, epilog=getattr(module, "EPILOG", None))(function)
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
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a verb; a user's mistake ends in one line on stderr and an exit code that is not 0."""
    if any(not _is_text(argument) for argument in sys.argv):
        _fail("an argument is not valid text in this terminal's encoding", EXIT_USER_ERROR)
    arguments = sys.argv[1:]
    try:
        code = app(arguments or ["--help"], standalone_mode=False)
    except typer.TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except RadTuneError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        verb = next((one for one in arguments if one in VERBS), None)
        how = VERBS[verb].when_interrupted if verb else ""
        sys.stderr.write(f"radtune: interrupted{f'; {how}' if how else ''}\n")
    elif not arguments:
        code = EXIT_NO_VERB
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
