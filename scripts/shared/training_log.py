"""Write what a training run says into a file of its own, line by line, for ``tail -f``."""

from __future__ import annotations

import itertools
import json
import logging
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from typing_extensions import override

from scripts.shared.console import warn
from support.errors import InputFileError
from support.identifiers import mask

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER = logging.getLogger("radtune.training")
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({})))


class _Lines(logging.Formatter):
    """Time, level and message; the message with identifiers masked."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return f"{_time(record)} {record.levelname} {mask(record.getMessage())}"


class _JsonLines(logging.Formatter):
    """The same as one JSON object, with the numbers that the message holds."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        numbers = {k: v for k, v in vars(record).items() if k not in _OWN_FIELDS}
        message = mask(record.getMessage())
        said = {"time": _time(record), "level": record.levelname, "message": message}
        return json.dumps(said | numbers, ensure_ascii=False)


class _Notes(logging.Handler):
    """Shows the user what is more than progress."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


class TrainingLog(logging.Handler):
    """A log file that is made when there is a first line for it.

    Parameters
    ----------
    folder : Path
    as_json : bool
        Whether lines are JSON objects.

    Attributes
    ----------
    path : Path or None
        The file; None before it is made.
    """

    def __init__(self, folder: Path, *, as_json: bool) -> None:
        super().__init__(logging.INFO)
        self.path: Path | None = None
        self._folder = folder
        self._file: TextIO | None = None
        self.setFormatter(_JsonLines() if as_json else _Lines())

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._file is None:
                self._file = self._make()
            self._file.write(f"{self.format(record)}\n")
            self._file.flush()
        except OSError as error:
            raise InputFileError(
                f"{self.path or self._folder}: the log cannot be written ({error.strerror}); "
                "set training.log_dir in the configuration"
            ) from None

    @override
    def close(self) -> None:
        if self._file:
            self._file.close()
        super().close()

    def _make(self) -> TextIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        began = datetime.now().astimezone().strftime("training_%Y%m%d_%H%M%S")
        for number in itertools.count(1):  # of runs that began in the same second
            more = f"_{number}" if number > 1 else ""
            self.path = self._folder / f"{began}{more}.log"
            try:
                return self.path.open("x", encoding="utf-8")
            except FileExistsError:
                continue
        raise AssertionError  # count has no end


@contextmanager
def training_log(folder: Path, *, as_json: bool) -> Iterator[TrainingLog]:
    """Write what training says into a file in a folder, and what is no mere progress on stderr."""
    log, notes = TrainingLog(folder, as_json=as_json), _Notes(logging.WARNING)
    before = _LOGGER.level, _LOGGER.propagate
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    handlers: tuple[logging.Handler, ...] = (log, notes)
    for handler in handlers:
        _LOGGER.addHandler(handler)
    try:
        yield log
    finally:
        for handler in handlers:
            _LOGGER.removeHandler(handler)
            handler.close()
        _LOGGER.level, _LOGGER.propagate = before


def say(line: str) -> None:
    """Write a line into the log."""
    _LOGGER.info("%s", line)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
