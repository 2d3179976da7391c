"""Keep Dask's own words from the user's terminal: what matters is said in one line."""

from __future__ import annotations

import logging
import sys
import warnings

_LOGGERS = ("distributed", "tornado", "asyncio", "bokeh")


def silence_dask() -> None:
    """Take Dask's loggers off the terminal; those that write to files stay."""
    import distributed  # noqa: PLC0415 - optional, and sets up its loggers when imported

    warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _LOGGERS]
    for name in {*_LOGGERS, *names}:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if type(handler) is logging.StreamHandler and handler.stream in _terminals():
                logger.removeHandler(handler)
        logger.propagate &= name not in _LOGGERS
        if not logger.propagate:
            logger.addHandler(logging.NullHandler())  # else Python has a last resort


def _terminals() -> tuple[object, ...]:
    return sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
