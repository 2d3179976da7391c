"""Map a file of exam names: every record keeps its columns and gets the engine's answer."""

from __future__ import annotations

import csv
import io
import itertools
import json
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

from engine.decision.decide import Status
from engine.reading.slots import Modality
from exchange.lists.name_files import NameRecord, read_names
from exchange.masking import mask_parsed
from support.atomic_files import spare_inputs, write_whole, writing
from support.errors import ConfigurationError, InputFileError
from support.executors import Executor, ThisProcess
from support.files import read_text
from support.hashing import hash_of, sha256_of_file
from support.identifiers import find_identifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from engine.lookup import Answer, LookupEngine

ANSWER_COLUMNS = (
    "status",
    "confidence",
    "concept_id",
    "preferred_name",
    "laterality_concept_id",
    "runner_up",
    "offered",
    "offered_probability",
    "reasons",
    "parsed_modality",
    "parsed_anatomy",
    "parsed_laterality",
    "parsed_contrast",
    "parsed_technique",
    "parsed_interventional",
    "warnings",
)
FORMATS = ("csv", "jsonl")
_CHUNK = 2000  # records
_GO_ON = "run the same with --resume"


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
    partial = _Partial(output, [sha256_of_file(source), configuration, file_format])
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


def answer_columns(answer: Answer) -> dict[str, str]:
    """Write an answer as text columns, in the order of `ANSWER_COLUMNS`."""
    parsed, row = answer.query.parsed, answer.row
    modalities = answer.query.modalities
    interventional = parsed.interventional or Modality.IR in parsed.modalities
    return {
        "status": answer.status.value,
        "confidence": f"{answer.confidence:.4f}",
        "concept_id": row.concept_id if row else "",
        "preferred_name": row.preferred_name if row else "",
        "laterality_concept_id": row.laterality_concept_id if row else "",
        "runner_up": answer.runner_up.preferred_name if row and answer.runner_up else "",
        "offered": " | ".join(row.preferred_name for row in answer.offered)
        if answer.status is Status.AMBIGUOUS
        else "",
        "offered_probability": f"{answer.offered_probability:.4f}" if answer.offered else "",
        "reasons": "; ".join(answer.reasons),
        "parsed_modality": ";".join(sorted(modalities)),
        "parsed_anatomy": ";".join(sorted(parsed.anatomy)),
        "parsed_laterality": parsed.laterality.value,
        "parsed_contrast": parsed.contrast.value,
        "parsed_technique": ";".join(sorted(parsed.technique | parsed.intervention)),
        "parsed_interventional": str(interventional).lower(),
        "warnings": "; ".join(answer_warnings(answer)),
    }


def answer_warnings(answer: Answer) -> list[str]:
    """Say what a person should know before trusting an answer; identifiers are not repeated."""
    query = answer.query
    warnings = []
    if not query.parsed.text.strip():
        warnings.append("no exam name")
    kinds = dict.fromkeys(found.kind for found in find_identifiers(query.parsed.text))
    if kinds:
        warnings.append(f"looks like a patient identifier: {', '.join(kinds)}")
    if query.modality_conflict:
        text, code = sorted(query.parsed.modalities), sorted(query.code_modalities)
        warnings.append(f"name says {'+'.join(text)}, MODALITY_CODE says {'/'.join(code)}")
    if answer.departs:
        warnings.append(f"{answer.departs.in_words()} not as the name states")
    unknown = mask_parsed(query.parsed).unknown
    if unknown:
        warnings.append(f"not understood: {' '.join(unknown)}")
    return warnings


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


class _State(BaseModel):
    """How far a partial output is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    depends_on: list[str]
    n_records: NonNegativeInt
    n_bytes: NonNegativeInt
    seal: str

    @classmethod
    def of(cls, depends_on: list[str], n_records: int, n_bytes: int) -> Self:
        """Seal a state."""
        seal = hash_of([depends_on, n_records, n_bytes])
        return cls(depends_on=depends_on, n_records=n_records, n_bytes=n_bytes, seal=seal)

    @model_validator(mode="after")
    def _as_written(self) -> Self:
        if self.seal != hash_of([self.depends_on, self.n_records, self.n_bytes]):
            raise ValueError("was changed after it was written")
        return self


class _Partial:
    """An output that grows by whole chunks and can be taken up again.

    Parameters
    ----------
    output : Path
    depends_on : list of str
        What the records depend on.
    """

    def __init__(self, output: Path, depends_on: list[str]) -> None:
        self._output = output
        self._path = output.with_name(f"{output.name}.partial")
        self._state_path = output.with_name(f"{output.name}.partial.json")
        self._depends_on = depends_on
        self._n_bytes = 0

    def open(self, *, resume: bool) -> int:
        """Start anew, or take up what is there; return the number of records it holds."""
        n_records = 0
        if resume:
            n_records, self._n_bytes = self._state()
        with writing(self._path):
            self._output.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("r+b" if resume else "wb") as file:
                file.truncate(self._n_bytes)
        self._write_state(n_records)
        return n_records

    def append(self, text: str, n_records: int) -> None:
        """Add whole records; the state is written after them."""
        data = text.encode()
        with writing(self._path, _GO_ON), self._path.open("ab") as file:
            file.write(data)
        self._n_bytes += len(data)
        self._write_state(n_records)

    def finish(self) -> None:
        """Give the complete output its name."""
        with writing(self._output):
            self._path.replace(self._output)
            self._state_path.unlink()

    def _state(self) -> tuple[int, int]:
        try:
            state = _State.model_validate_json(read_text(self._state_path))
            n_bytes = self._path.stat().st_size
        except (InputFileError, ValueError, OSError):
            raise ConfigurationError(
                f"{self._path}: there is no interrupted run to resume; leave --resume out"
            ) from None
        if state.depends_on != self._depends_on or n_bytes < state.n_bytes:
            raise ConfigurationError(
                f"{self._path}: belongs to another input, configuration or format; "
                "leave --resume out to start anew"
            )
        return state.n_records, state.n_bytes

    def _write_state(self, n_records: int) -> None:
        state = _State.of(self._depends_on, n_records, self._n_bytes)
        write_whole(self._state_path, state.model_dump_json())
