"""Map a file of exam names: every record keeps its columns and gets the engine's answer."""

from __future__ import annotations

import csv
import io
import itertools
import json
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from exchange.lists.name_files import NameRecord, read_names
from exchange.maps.answer_columns import ANSWER_COLUMNS, answer_columns
from exchange.maps.partial_output import PartialOutput
from support.atomic_files import spare_inputs
from support.errors import ConfigurationError
from support.executors import Executor, ThisProcess
from support.hashing import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from engine.lookup import LookupEngine

FORMATS = ("csv", "jsonl")
_CHUNK = 2000  # records


class MappingRun(NamedTuple):
    """How a mapping run ended.

    Attributes
    ----------
    output : Path
    n_records : int
        Records in the output, those of an earlier run included.
    n_resumed : int
        Records that an earlier run had written.
    statuses : dict
        Status to the number of records of this run.
    """

    output: Path
    n_records: int
    n_resumed: int
    statuses: dict[str, int]


def map_file(
    engine: LookupEngine,
    source: Path,
    output: Path,
    *,
    file_format: str,
    configuration: str,
    resume: bool = False,
    executor: Executor | None = None,
    on_records: Callable[[int], None] = lambda _: None,
) -> MappingRun:
    """Map every record of a file; the output appears under its name when it is complete.

    Until then it grows as ``OUTPUT.partial``, whole records only, with a small file beside it that
    knows how far it is.

    Parameters
    ----------
    engine : LookupEngine
    source, output : Path
    file_format : str
        ``csv`` or ``jsonl``.
    configuration : str
        A hash of what the answers depend on; a partial output of another one is not resumed.
    resume : bool
        Go on with the partial output of an interrupted run.
    executor : Executor, optional
        Answers the records; this process when not given.
    on_records : callable
        Told how many records a step has added.

    Raises
    ------
    InputFileError
        When the input cannot be read, or the output not written.
    ConfigurationError
        When the format is unknown, input and output are the same file, or there is nothing to
        resume.
    """
    if file_format not in FORMATS:
        raise ConfigurationError(f"format {file_format!r} is unknown; there are csv and jsonl")
    spare_inputs(output, [source])
    executor = executor or ThisProcess()
    records = read_names(source)
    first = next(records)
    partial = PartialOutput(output, [sha256_of_file(source), configuration, file_format])
    n_resumed = partial.open(resume=resume)
    waiting = itertools.islice(itertools.chain([first], records), n_resumed, None)
    writer = _writer(file_format, list(first.fields), header=n_resumed == 0)
    statuses: dict[str, int] = {}
    n_records = n_resumed
    on_records(n_resumed)
    chunks = _in_chunks(waiting, n_resumed)
    with closing(executor.run(_answer_chunk, engine, chunks, ordered=True)) as chunks_answered:
        for answered in chunks_answered:
            partial.append(writer(answered), n_records + len(answered))
            n_records += len(answered)
            on_records(len(answered))
            for record in answered:
                statuses[record["status"]] = statuses.get(record["status"], 0) + 1
    partial.finish()
    return MappingRun(output, n_records, n_resumed, dict(sorted(statuses.items())))


class _Records(NamedTuple):
    """Neighbouring records of the input, the first of them at `start`."""

    start: int
    records: Sequence[NameRecord]

    def __str__(self) -> str:
        return f"records {self.start + 1:,} to {self.start + len(self.records):,}"


def _in_chunks(records: Iterable[NameRecord], start: int) -> Iterator[_Records]:
    waiting = iter(records)
    while chunk := list(itertools.islice(waiting, _CHUNK)):
        yield _Records(start, chunk)
        start += len(chunk)


def _answer_chunk(engine: LookupEngine, chunk: _Records) -> list[dict[str, str]]:
    return answer_records(chunk.records, engine)


def answer_records(records: Sequence[NameRecord], engine: LookupEngine) -> list[dict[str, str]]:
    """Return each record's own columns with the engine's answer behind them.

    A column of the input that is named like one of the answer's is kept as ``input_NAME``.
    """
    questions = list(dict.fromkeys((r.exam_name, r.modality_code) for r in records))
    answers = {
        question: answer_columns(answer)
        for question, answer in zip(questions, engine.lookup_many(questions), strict=True)
    }
    return [
        {
            **{_own_name(column): text for column, text in record.fields.items()},
            **answers[record.exam_name, record.modality_code],
        }
        for record in records
    ]


def _own_name(column: str) -> str:
    return f"input_{column}" if column in ANSWER_COLUMNS else column


def _writer(
    file_format: str, columns: Sequence[str], *, header: bool
) -> Callable[[Sequence[dict[str, str]]], str]:
    """Return what turns answered records into text; the CSV header comes with the first."""
    if file_format == "jsonl":
        return lambda records: "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    names = [*map(_own_name, columns), *ANSWER_COLUMNS]
    pending = [header]

    def as_csv(records: Sequence[dict[str, str]]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
        if pending.pop():
            writer.writeheader()
        pending.append(False)
        writer.writerows(records)
        return text.getvalue()

    return as_csv
