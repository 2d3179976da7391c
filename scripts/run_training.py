"""The command line: ``python scripts/run_training.py VERB``, and the same as ``radtune VERB``."""

from __future__ import annotations

import sys

import typer

from engine.errors import RadTuneError
from objectives.identifiers import mask
from scripts import (  # verbs
    calibrate,
    compare,
    lookup,
    map,  # noqa: A004
    optimize,
    train,
    validate,
)

EXIT_USER_ERROR = 1
EXIT_INTERRUPTED = 130
_INTERRUPTED = "interrupted; what is finished is kept: run the same again (map: with --resume)"

app = typer.Typer(
    name="radtune",
    help="Tune the scoring weights of the radiology lookup engine, and use it.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("train")(train.train)
app.command("optimize")(optimize.optimize)
app.command("compare")(compare.compare)
app.command("calibrate")(calibrate.calibrate)
app.command("validate")(validate.validate)
app.command("lookup")(lookup.lookup)
app.command("map")(map.map_names)


def main() -> None:
    """Run a verb; a user's mistake ends in one line on stderr and an exit code that is not 0."""
    if any(not _is_text(argument) for argument in sys.argv):
        _fail("an argument is not valid text in this terminal's encoding", EXIT_USER_ERROR)
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except RadTuneError as error:
        _fail(str(error), EXIT_USER_ERROR)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        _fail(_INTERRUPTED, EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _is_text(argument: str) -> bool:
    """Tell whether an argument can be printed and stored: it has no lone surrogate."""
    return not any("\ud800" <= letter <= "\udfff" for letter in argument)


def _fail(message: str, code: int) -> None:
    line = mask(" ".join(message.split()))  # the arguments may be a name, word by word
    sys.stderr.write(f"radtune: error: {line}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
